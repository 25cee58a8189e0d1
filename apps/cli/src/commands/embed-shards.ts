/**
 * Shards of `arcface embed`: each is a run of its own over some of the images, with files of its own beside the output, and
 * `arcface embed merge` joins them to the bytes that one run would have written. A shard is cut where a run would begin a part of
 * its work anyway, so that every image is in the batch in which it would be.
 */
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeAtomically } from '../atomic-file.ts';
import type { Shard } from '../cleaning/embedding-store.ts';
import { CommandError } from '../cli/usage-error.ts';
import type { EmbeddingsIdentity } from '../embeddings-output.ts';

const LINE_FEED = 0x0a;

/** The rows of a shard, of those of the whole. */
export interface ShardRows {
  readonly start: number;
  readonly end: number;
}

/** What is written beside a shard when it is complete. */
interface ShardRecord extends ShardRows {
  readonly identity: EmbeddingsIdentity;
  readonly failed: number;
}

/** @param part images that a run embeds between two points from which it can go on */
export function rowsOfShard(images: number, part: number, { index, count }: Shard): ShardRows {
  const parts = Math.ceil(images / part);
  const at = (i: number): number => Math.min(images, Math.floor((i * parts) / count) * part);
  return { start: at(index), end: at(index + 1) };
}

/** `faces.npy` becomes `faces.shard-2-of-4.npy`. */
export function shardOutput(output: string, { index, count }: Shard): string {
  return output.replace(/\.[a-z]+$/, (extension) => `.shard-${index + 1}-of-${count}${extension}`);
}

/** Whether a shard is complete, and of this work. */
export async function isShardDone(output: string, identity: EmbeddingsIdentity): Promise<boolean> {
  const path = recordPath(output);
  if (!existsSync(path) || !existsSync(output)) return false;
  const record = await readRecord(path);
  return JSON.stringify(record.identity) === JSON.stringify(identity);
}

/** Says that a shard is complete. */
export async function recordShard(output: string, record: ShardRecord): Promise<void> {
  await writeAtomically(recordPath(output), [JSON.stringify(record)]);
}

function recordPath(output: string): string {
  return output.replace(/\.[a-z]+$/, '.json');
}

async function readRecord(path: string): Promise<ShardRecord> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ShardRecord;
  } catch (error) {
    throw new CommandError(
      `${path} cannot be read: ${(error as Error).message}. Remove it and run its shard again.`,
    );
  }
}

export interface MergedShards {
  readonly images: number;
  readonly dimensions: number;
  readonly failed: number;
}

/**
 * Joins the shards that lie beside an output.
 *
 * @param headerOf gives what comes before the rows of a file of that shape
 * @throws {CommandError} naming the shards that are missing, that are not of one work, or that have lost something on their way here
 */
export async function mergeShards(
  output: string,
  lines: string,
  headerOf: (shape: readonly [number, number]) => Uint8Array,
): Promise<MergedShards> {
  const shards = await findShards(output);
  const records = await Promise.all(shards.map((shard) => readRecord(recordPath(shard))));
  const [{ identity }] = records as [ShardRecord];
  for (const [i, record] of records.entries()) {
    const differs = Object.keys(identity).find((name) => record.identity[name] !== identity[name]);
    if (differs === undefined) continue;
    throw new CommandError(
      `${shards[i]} and ${shards[0]} are not of one work: their ${differs} is ${record.identity[differs]} and ${identity[differs]}. Run one of them again.`,
    );
  }
  const images = Number(identity.images);
  const dimensions = Number(identity.dimensions);
  const failed = records.reduce((sum, record) => sum + record.failed, 0);
  if (failed === images) {
    throw new CommandError(`None of the ${images} images can be decoded; nothing was written.`);
  }
  const linesOf = (shard: string): string => shard.replace(/\.[a-z]+$/, '.jsonl');
  const headers = records.map(({ start, end }) => headerOf([end - start, dimensions]));
  for (const [i, { start, end }] of records.entries()) {
    const rows = end - start;
    const bytes = headers[i]!.length + Float32Array.BYTES_PER_ELEMENT * rows * dimensions;
    expectWhole(shards[i]!, 'bytes', (await stat(shards[i]!)).size, bytes);
    expectWhole(linesOf(shards[i]!), 'lines', await countLines(linesOf(shards[i]!)), rows);
  }
  await writeAtomically(lines, concatenated(shards.map((shard) => ({ path: linesOf(shard), start: 0 }))));
  await writeAtomically(
    output,
    concatenated(
      shards.map((path, i) => ({ path, start: headers[i]!.length })),
      headerOf([images, dimensions]),
    ),
  );
  return { images, dimensions, failed };
}

/** @throws {CommandError} for a file of a shard that has lost something on its way here */
function expectWhole(path: string, what: 'bytes' | 'lines', found: number, expected: number): void {
  if (found === expected) return;
  throw new CommandError(
    `${path} has ${found} ${what}, expected ${expected}: was it copied in full? Copy it again, or run its shard again with --overwrite.`,
  );
}

async function countLines(path: string): Promise<number> {
  let lines = 0;
  for await (const piece of createReadStream(path)) {
    for (const byte of piece as Buffer) if (byte === LINE_FEED) lines++;
  }
  return lines;
}

/** The outputs of all shards, in order. */
async function findShards(output: string): Promise<string[]> {
  const [, stem = '', extension = ''] = /^(.*)(\.[a-z]+)$/.exec(basename(output)) ?? [];
  const folder = dirname(output);
  const names = existsSync(folder) ? await readdir(folder) : [];
  const counts = new Set(
    names.flatMap((name) => {
      const match = name.startsWith(`${stem}.shard-`) ? /\.shard-\d+-of-(\d+)\.json$/.exec(name) : null;
      return match ? [Number(match[1])] : [];
    }),
  );
  const [count] = counts;
  if (count === undefined) {
    throw new CommandError(`No shard of ${output} is complete. Make them with --shard 1/n to n/n.`);
  }
  if (counts.size > 1) {
    throw new CommandError(
      `${output} has shards of different numbers (${[...counts].join(', ')}). Remove those that are not meant.`,
    );
  }
  const shards = Array.from({ length: count }, (_, index) => shardOutput(stem + extension, { index, count }));
  const missing = shards.filter((name) => !names.includes(recordPath(name)) || !names.includes(name));
  if (missing.length > 0) {
    throw new CommandError(
      `${output} cannot be merged: ${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} not complete.`,
    );
  }
  return shards.map((name) => join(folder, name));
}

async function* concatenated(
  files: readonly { readonly path: string; readonly start: number }[],
  header?: Uint8Array,
): AsyncGenerator<Uint8Array> {
  if (header) yield header;
  for (const { path, start } of files) {
    for await (const piece of createReadStream(path, { start })) yield piece as Buffer;
  }
}
