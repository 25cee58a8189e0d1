/** Records copied as they are, some or all, in any order. */
import type { ByteSource, ReadOptions } from './byte-source.ts';
import { readRecord } from './record-reader.ts';
import type { RecordWriter } from './record-writer.ts';

/** Options of {@link copyRecords}. */
export interface CopyRecordsOptions extends ReadOptions {
  readonly records: ByteSource;
  /** Byte offsets of the records to copy, in the order in which they are to stand. */
  readonly offsets: Iterable<number>;
  /** Where they go; it is not closed, so that several files can be joined. */
  readonly writer: RecordWriter;
  /** Called after every record with the number of records and bytes copied so far. */
  readonly onProgress?: ((records: number, bytes: number) => void) | undefined;
}

/** Reads under way at a time: enough to keep a disk busy. */
const READ_AHEAD = 8;

/**
 * Copies records as they are, headers and all: a shuffle with offsets in another order (see `shuffledPositions`), a
 * subset with some of them, a merge by one call a file. A few records are in memory at a time.
 *
 * @returns the byte offsets at which they stand now
 */
export async function copyRecords(options: CopyRecordsOptions): Promise<Float64Array> {
  const { records, writer, onProgress, signal } = options;
  const copied: number[] = [];
  const start = writer.offset;
  const underWay: Promise<Uint8Array>[] = [];
  const writeOldest = async (): Promise<void> => {
    copied.push(await writer.write(await underWay.shift()!));
    onProgress?.(copied.length, writer.offset - start);
  };
  try {
    for (const offset of options.offsets) {
      underWay.push(readRecord(records, offset, { signal }).then(({ payload }) => payload));
      if (underWay.length === READ_AHEAD) {
        await writeOldest();
      }
    }
    while (underWay.length > 0) {
      await writeOldest();
    }
  } finally {
    await Promise.allSettled(underWay);
  }
  return Float64Array.from(copied);
}
