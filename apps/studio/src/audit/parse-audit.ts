/**
 * An audit as bytes to an audit as columns, piece by piece: a million rows are read in seconds, and no more than a piece of the text
 * is held at a time. JSON lines and Parquet, as `arcface audit` writes them.
 */
import { type AuditColumns, AuditColumnsBuilder, CleanerError } from '@arcface/cleaner';
import { type AsyncBuffer, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';

export interface ParseOptions {
  /** Called now and then with the bytes that were read. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * Parses JSON lines.
 *
 * @throws {CleanerError} `invalid-audit`, naming the row (from 1).
 */
export async function parseJsonLines(
  stream: ReadableStream<Uint8Array>,
  { onProgress }: ParseOptions = {},
): Promise<AuditColumns> {
  const builder = new AuditColumnsBuilder();
  const decoder = new TextDecoder();
  const rows = { read: 0 };
  let rest = '';
  let bytes = 0;
  const reader = stream.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    const text = rest + (done ? decoder.decode() : decoder.decode(value, { stream: true }));
    const end = done ? text.length : text.lastIndexOf('\n') + 1;
    rest = text.slice(end);
    addLines(builder, text.slice(0, end), rows);
    if (done) return builder.finish();
    bytes += value.byteLength;
    onProgress?.(bytes);
  }
}

/** One call of the JSON parser for many lines is a good deal faster than one for each. */
function addLines(builder: AuditColumnsBuilder, lines: string, rows: { read: number }): void {
  const text = lines.trim();
  if (text === '') return;
  const each = text.split('\n');
  const parsed =
    parseTogether(each) ??
    each.filter((line) => line.trim() !== '').map((line, i) => parseLine(line, rows.read + i + 1));
  for (const row of parsed) builder.add(row);
  rows.read += parsed.length;
}

/** Undefined where lines are not one value each. */
function parseTogether(lines: readonly string[]): readonly unknown[] | undefined {
  try {
    const parsed: unknown[] = JSON.parse(`[${lines.join(',')}]`);
    return parsed.length === lines.length ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function parseLine(line: string, row: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new CleanerError('invalid-audit', `row ${row} is not JSON (${(error as Error).message})`);
  }
}

const PARQUET_ROWS = 50_000;

/** Parses Parquet. What is not Parquet is refused by the reader. */
export async function parseParquet(
  file: AsyncBuffer,
  { onProgress }: ParseOptions = {},
): Promise<AuditColumns> {
  const metadata = await parquetMetadataAsync(file);
  const builder = new AuditColumnsBuilder();
  const total = Number(metadata.num_rows);
  for (let rowStart = 0; rowStart < total; rowStart += PARQUET_ROWS) {
    const rowEnd = Math.min(total, rowStart + PARQUET_ROWS);
    for (const row of await parquetReadObjects({ file, metadata, rowStart, rowEnd })) {
      // A table has votes as text, joined by blanks.
      builder.add(typeof row.votes === 'string' ? { ...row, votes: row.votes.split(' ').map(Number) } : row);
    }
    onProgress?.((file.byteLength * rowEnd) / total);
  }
  return builder.finish();
}
