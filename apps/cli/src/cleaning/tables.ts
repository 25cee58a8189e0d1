/** The tables that a user brings: labels of embeddings, a known truth, a person's decisions. Read as streams, checked row by row. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  CleanerError,
  type DecisionsFile,
  type PersonalDecision,
  parseDecision,
  parseDecisions,
} from '@arcface/cleaner';
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
  readonly path: string;
  readonly bad: Uint8Array;
  /** -1 for an outsider; undefined where the file has no such column. */
  readonly trueLabel: Int32Array | undefined;
}

/** A CSV with a header row: `bad` (0 or 1), and optionally `true` (the true label, -1 for an outsider); rows in data order. */
export async function readTruth(path: string): Promise<TruthTable> {
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
  return {
    path,
    bad: Uint8Array.from(bad),
    trueLabel: trueLabel.length > 0 ? Int32Array.from(trueLabel) : undefined,
  };
}

/** @throws {CommandError} unless a truth has a row for every image */
export function checkRows(truth: TruthTable | undefined, images: number): void {
  if (truth === undefined || truth.bad.length === images) return;
  throw new CommandError(`${truth.path} has ${truth.bad.length} rows, but there are ${images} images.`);
}

/**
 * A decisions file, JSON lines as the studio writes them (the header line is optional), or a CSV with a header row: `key`, `decision`
 * (keep, drop, relabel), and `label` with relabel.
 */
export async function readDecisions(path: string): Promise<DecisionsFile> {
  if (path.endsWith('.csv')) {
    const decisions: PersonalDecision[] = [];
    for await (const { line, cells } of csvRows(path, ['key', 'decision'])) {
      decisions.push(parseDecision(cells, (what) => new CommandError(`${path}, line ${line}: ${what}.`)));
    }
    return { decisions };
  }
  try {
    return parseDecisions(await readFile(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof CleanerError)) throw error;
    throw new CommandError(`${path}, ${error.message}.`);
  }
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
