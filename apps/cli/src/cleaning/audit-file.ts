/**
 * The audit as a file: JSON lines, CSV or Parquet, as its name ends. Rows are written as they are made; none is held longer than a
 * batch takes.
 */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AuditRow, UndecodableRow } from '@arcface/cleaner';
import { stringify } from 'csv-stringify/sync';
import { fileWriter, parquetWriteRows } from 'hyparquet-writer';
import { partialPath, writeAtomically } from '../atomic-file.ts';
import { UsageError } from '../cli/usage-error.ts';

type Row = AuditRow | UndecodableRow;

const FORMATS = ['jsonl', 'csv', 'parquet'] as const;
export type AuditFormat = (typeof FORMATS)[number];

/** Every key that a row can have, in the order of the columns, with its type in Parquet. */
const COLUMNS = {
  key: 'STRING',
  label: 'INT32',
  identity: 'STRING',
  votes: 'STRING',
  subcenter: 'INT32',
  dominant: 'INT32',
  angle: 'DOUBLE',
  angleNearest: 'DOUBLE',
  pClean: 'DOUBLE',
  pOutsider: 'DOUBLE',
  pElsewhere: 'DOUBLE',
  suggestedLabel: 'INT32',
  otherLabel: 'INT32',
  aum: 'DOUBLE',
  decision: 'STRING',
  rule: 'STRING',
  newKey: 'INT32',
  newLabel: 'INT32',
  movedTo: 'INT32',
  splitPerson: 'INT32',
} as const;

const ROWS_AT_A_TIME = 4096;
const ROW_GROUP = 100_000;

/** @throws {UsageError} when the name ends in none of them */
export function auditFormat(path: string): AuditFormat {
  const format = FORMATS.find((each) => path.endsWith(`.${each}`));
  if (format === undefined) {
    throw new UsageError(`An audit is written as .jsonl, .csv or .parquet; ${path} ends in none of these.`);
  }
  return format;
}

/** Writes beside the place, then renames. */
export async function writeAuditFile(path: string, rows: Iterable<Row>): Promise<void> {
  switch (auditFormat(path)) {
    case 'jsonl':
      return writeAtomically(path, jsonLines(rows));
    case 'csv':
      return writeAtomically(path, csv(rows));
    case 'parquet':
      return writeParquet(path, rows);
  }
}

export function* jsonLines(rows: Iterable<object>): Generator<string> {
  for (const row of rows) yield `${JSON.stringify(row)}\n`;
}

function* csv(rows: Iterable<Row>): Generator<string> {
  const columns = Object.keys(COLUMNS);
  yield stringify([columns]);
  // Some readers end a row at a carriage return, unless it is in quotes.
  const quoting = { quoted_match: '\r' };
  let pending: unknown[][] = [];
  for (const row of rows) {
    const cells = cellsOf(row);
    pending.push(columns.map((column) => cells[column]));
    if (pending.length < ROWS_AT_A_TIME) continue;
    yield stringify(pending, quoting);
    pending = [];
  }
  yield stringify(pending, quoting);
}

async function writeParquet(path: string, rows: Iterable<Row>): Promise<void> {
  const partial = partialPath(path);
  await mkdir(dirname(path), { recursive: true });
  try {
    await parquetWriteRows({
      writer: fileWriter(partial),
      rows: (function* () {
        for (const row of rows) yield cellsOf(row);
      })(),
      columns: Object.entries(COLUMNS).map(([name, type]) => ({ name, type, nullable: true })),
      rowGroupSize: ROW_GROUP,
    });
    const file = await open(partial);
    await file.sync().finally(() => file.close());
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** Keys are text in a table, whether they number records or name files; votes are joined by blanks. */
function cellsOf(row: Row): Record<string, string | number | null | undefined> {
  const votes = 'votes' in row ? row.votes?.join(' ') : undefined;
  return { ...row, key: String(row.key), votes };
}
