/** Reading records: one at a known offset, or all of them from front to back. */
import { BlockMemory } from './block-memory.ts';
import type { ByteSource, ReadOptions } from './byte-source.ts';
import { parseRecord, type RawRecord } from './record-frame.ts';

const DEFAULT_BLOCK_BYTES = 1 << 21;
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
  /** Bytes to read at a time. Default 2 MiB. */
  readonly blockBytes?: number | undefined;
  /**
   * Reads every block into memory of its own, so that payloads stay good for as long as they are held. From a disk's cache
   * that is two to three times slower. Default false: a payload is only good until the next record is asked for (with
   * {@link scanRecordBlocks}: the next block), and may be empty afterwards. Copy what you keep, or set this.
   */
  readonly keepPayloads?: boolean | undefined;
}

/**
 * Reads records from front to back in large blocks, the next block while the last one is looked at.
 *
 * Payloads are views of a block, not copies, and blocks share memory: see `keepPayloads`. Every whole record before a
 * fault is handed out before the fault is thrown.
 *
 * @throws RecordIOError at the first fault
 */
export function scanRecords(
  source: ByteSource,
  options: ScanOptions = {},
): AsyncIterableIterator<RawRecord, void> {
  const blocks = scanRecordBlocks(source, options);
  let records: readonly RawRecord[] = [];
  let at = 0;
  let loading: Promise<boolean> | undefined;
  const load = async (): Promise<boolean> => {
    try {
      const block = await blocks.next();
      records = block.done ? [] : block.value;
      at = 0;
      return records.length > 0;
    } finally {
      loading = undefined;
    }
  };
  // Not a generator: that takes three turns of the event loop a record, this takes one.
  const next = async (): Promise<IteratorResult<RawRecord, void>> => {
    // Whoever asks for several records at once gets each of them once: all wait for the same block.
    while (at === records.length) {
      loading ??= load();
      if (!(await loading)) {
        return { done: true, value: undefined };
      }
    }
    return { done: false, value: records[at++]! };
  };
  return {
    next: () => (at < records.length ? Promise.resolve({ done: false, value: records[at++]! }) : next()),
    async return() {
      records = [];
      at = 0;
      await blocks.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** As {@link scanRecords}, but hands out all records of a block at once: less overhead for many small records. */
export async function* scanRecordBlocks(
  source: ByteSource,
  options: ScanOptions = {},
): AsyncGenerator<RawRecord[], void> {
  const {
    start = 0,
    end = source.byteLength,
    blockBytes = DEFAULT_BLOCK_BYTES,
    keepPayloads = false,
    signal,
  } = options;
  if (start >= end) {
    return;
  }
  const memory = keepPayloads ? undefined : new BlockMemory();
  const readBlock = (from: number, size: number): Promise<Uint8Array> => {
    const to = Math.min(from + size, end);
    return source.read(from, to, { signal, into: memory?.take(to - from) });
  };
  let base = start;
  let pending: Promise<Uint8Array> | undefined = readBlock(base, blockBytes);
  try {
    while (pending !== undefined) {
      const block = await pending;
      pending = undefined;
      const { records, next, needed, fault } = parseBlock(block, base, end);
      if (fault === undefined && next < end) {
        // A record larger than the block is read again from its start, at least twice as much each time: linear.
        const size = records.length > 0 ? blockBytes : 2 * block.length;
        pending = readBlock(next, Math.max(size, needed));
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
