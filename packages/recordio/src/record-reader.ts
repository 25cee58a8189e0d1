/** Reading records: one at a known offset, or all of them from front to back. */
import type { ByteSource, ReadOptions } from './byte-source.ts';
import { parseRecord, type RawRecord } from './record-frame.ts';

const DEFAULT_BLOCK_BYTES = 1 << 20;
/** How much to read at an offset where the record's length is not known: most face images fit. */
const FIRST_GUESS_BYTES = 1 << 14;

/** Options of {@link readRecord}. */
export interface ReadRecordOptions extends ReadOptions {
  /** Bytes that the record is known or thought to take, frames and padding included. Default 16 KiB. */
  readonly expectedBytes?: number | undefined;
}

/**
 * Reads the record whose frame starts at a byte offset.
 *
 * @throws RecordIOError if no whole record is there
 */
export async function readRecord(
  source: ByteSource,
  offset: number,
  options: ReadRecordOptions = {},
): Promise<RawRecord> {
  const fileLength = source.byteLength;
  let size = Math.min(options.expectedBytes ?? FIRST_GUESS_BYTES, fileLength - offset);
  for (;;) {
    const block = await source.read(offset, offset + Math.max(size, 0), options);
    const record = parseRecord(block, 0, offset, fileLength);
    if (typeof record !== 'number') {
      return record;
    }
    size = Math.min(Math.max(record, 2 * size), Math.max(record, fileLength - offset));
  }
}

/** Options of {@link scanRecords}. */
export interface ScanOptions extends ReadOptions {
  /** Byte offset of the first record to read. Default 0. */
  readonly start?: number | undefined;
  /** Byte offset at which to stop; must be the end of a record. Default: the end of the file. */
  readonly end?: number | undefined;
  /** Bytes to read at a time. Default 1 MiB. */
  readonly blockBytes?: number | undefined;
}

/**
 * Reads records from front to back in large blocks, the next block while the last one is looked at.
 *
 * Payloads are views of a block: keeping one keeps its block (1 MiB) in memory, so copy what you keep for long. Every
 * whole record before a fault is handed out before the fault is thrown.
 *
 * @throws RecordIOError at the first fault
 */
export async function* scanRecords(
  source: ByteSource,
  options: ScanOptions = {},
): AsyncGenerator<RawRecord, void> {
  for await (const records of scanRecordBlocks(source, options)) {
    yield* records;
  }
}

/** As {@link scanRecords}, but hands out all records of a block at once: less overhead for many small records. */
export async function* scanRecordBlocks(
  source: ByteSource,
  options: ScanOptions = {},
): AsyncGenerator<RawRecord[], void> {
  const { start = 0, end = source.byteLength, blockBytes = DEFAULT_BLOCK_BYTES } = options;
  if (start >= end) {
    return;
  }
  let base = start;
  let pending: Promise<Uint8Array> | undefined = readBlock(source, base, blockBytes, end, options);
  try {
    while (pending !== undefined) {
      const block = await pending;
      pending = undefined;
      const { records, next, needed, fault } = parseBlock(block, base, end);
      if (fault === undefined && next < end) {
        // A record larger than the block is read again from its start, at least twice as much each time: linear.
        const size = records.length > 0 ? blockBytes : 2 * block.length;
        pending = readBlock(source, next, Math.max(size, needed), end, options);
        pending.catch(ignoreUntilAwaited);
      }
      base = next;
      if (records.length > 0) {
        yield records;
      }
      if (fault !== undefined) {
        throw fault;
      }
    }
  } finally {
    // Whoever stops early should not leave a read running behind their back.
    await pending?.catch(ignoreUntilAwaited);
  }
}

function readBlock(
  source: ByteSource,
  base: number,
  size: number,
  end: number,
  options: ReadOptions,
): Promise<Uint8Array> {
  return source.read(base, Math.min(base + size, end), options);
}

interface ParsedBlock {
  readonly records: RawRecord[];
  readonly next: number;
  readonly needed: number;
  readonly fault: unknown;
}

function parseBlock(block: Uint8Array, base: number, fileLength: number): ParsedBlock {
  const records: RawRecord[] = [];
  let at = 0;
  let needed = 0;
  try {
    while (base + at < fileLength) {
      const record = parseRecord(block, at, base, fileLength);
      if (typeof record === 'number') {
        needed = record;
        break;
      }
      records.push(record);
      at = record.end - base;
    }
  } catch (fault) {
    return { records, next: base + at, needed, fault };
  }
  return { records, next: base + at, needed, fault: undefined };
}

function ignoreUntilAwaited(): void {}
