/** The tables that a user brings: labels of embeddings, a known truth, a person's decisions. Read as streams, checked row by row. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { PersonalDecision } from '@arcface/cleaner';
import { parse } from 'csv-parse';
import { CommandError } from '../cli/usage-error.ts';

export interface LabelsTable {
  readonly labels: Int32Array;
  readonly keys: readonly string[] | undefined;
  /** Names by label. */
  readonly names: ReadonlyMap<number, string>;
}

/** A CSV with a header row: `label`, and optionally `key` and `identity`. */
export async function readLabels(path: string): Promise<LabelsTable> {
  const labels: number[] = [];
  const keys: string[] = [];
  const names = new Map<number, string>();
  for await (const row of csvRows(path, ['label'])) {
    const label = whole(row, 'label', 0);
    labels.push(label);
    if (row.cells.key !== undefined) keys.push(row.cells.key);
    if (row.cells.identity) names.set(label, row.cells.identity);
  }
  return { labels: Int32Array.from(labels), keys: keys.length > 0 ? keys : undefined, names };
}

export interface TruthTable {
  readonly bad: Uint8Array;
  /** -1 for an outsider; undefined where the file has no such column. */
  readonly trueLabel: Int32Array | undefined;
}

/** A CSV with a header row: `bad` (0 or 1), and optionally `true` (the true label, -1 for an outsider); rows in data order. */
export async function readTruth(path: string, images: number): Promise<TruthTable> {
  const bad: number[] = [];
  const trueLabel: number[] = [];
  for await (const row of csvRows(path, ['bad'])) {
    const value = row.cells.bad;
    if (value !== '0' && value !== '1') {
      throw new CommandError(
        `${path}, line ${row.line}: bad must be 0 or 1, found ${JSON.stringify(value)}.`,
      );
    }
    bad.push(Number(value));
    if (row.cells.true !== undefined) trueLabel.push(whole(row, 'true', -1));
  }
  if (bad.length !== images) {
    throw new CommandError(`${path} has ${bad.length} rows, but there are ${images} images.`);
  }
  return {
    bad: Uint8Array.from(bad),
    trueLabel: trueLabel.length > 0 ? Int32Array.from(trueLabel) : undefined,
  };
}

/** JSON lines or a CSV with a header row: `key`, `decision` (keep, drop, relabel), and `label` with relabel. */
export async function readDecisions(path: string): Promise<PersonalDecision[]> {
  const decisions: PersonalDecision[] = [];
  const add = (line: number, { key, decision, label }: Record<string, unknown>): void => {
    const refuse = (what: string): CommandError => new CommandError(`${path}, line ${line}: ${what}.`);
    if (typeof key !== 'string' && typeof key !== 'number') throw refuse('there is no key');
    if (decision !== 'keep' && decision !== 'drop' && decision !== 'relabel') {
      throw refuse(`decision must be keep, drop or relabel, found ${JSON.stringify(decision)}`);
    }
    const given = label === undefined || label === '' || label === null ? undefined : Number(label);
    if (decision === 'relabel' && !Number.isInteger(given))
      throw refuse('relabel needs a whole number as label');
    decisions.push({ key, decision, label: given });
  };
  if (path.endsWith('.csv')) {
    for await (const { line, cells } of csvRows(path, ['key', 'decision'])) add(line, cells);
    return decisions;
  }
  let line = 0;
  for await (const text of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    line += 1;
    if (text.trim() === '') continue;
    let row: unknown;
    try {
      row = JSON.parse(text);
    } catch (error) {
      throw new CommandError(`${path}, line ${line}: not JSON (${(error as Error).message}).`);
    }
    if (typeof row !== 'object' || row === null)
      throw new CommandError(`${path}, line ${line}: not a JSON object.`);
    add(line, row as Record<string, unknown>);
  }
  return decisions;
}

interface CsvRow {
  readonly path: string;
  /** In the file, from 1. */
  readonly line: number;
  readonly cells: Readonly<Record<string, string | undefined>>;
}

async function* csvRows(path: string, required: readonly string[]): AsyncGenerator<CsvRow> {
  const file = createReadStream(path);
  const parser = file.pipe(
    parse({
      bom: true,
      trim: true,
      skip_empty_lines: true,
      info: true,
      columns: (header: string[]) => {
        for (const name of required) {
          if (!header.includes(name)) {
            throw new CommandError(`${path} has no column "${name}"; its header is ${header.join(',')}.`);
          }
        }
        return header;
      },
    }),
  );
  file.on('error', (error) => parser.destroy(error));
  try {
    for await (const { record, info } of parser) yield { path, line: info.lines, cells: record };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`${path} cannot be read as CSV: ${(error as Error).message}`);
  }
}

function whole({ path, line, cells }: CsvRow, name: string, least: number): number {
  const text = cells[name] ?? '';
  const value = Number(text);
  if (text !== '' && Number.isSafeInteger(value) && value >= least && value < 2 ** 31) return value;
  throw new CommandError(
    `${path}, line ${line}: ${name} must be a whole number from ${least} up, found ${JSON.stringify(text)}.`,
  );
}
