/** Keeping what is whole of a damaged `.rec`. */
import type { ByteSource } from './byte-source.ts';
import { parseImageRecord } from './image-record.ts';
import { readIndexLines } from './index-lines.ts';
import type { RecordIndex } from './record-index.ts';
import { type LostBytes, type SalvageOptions, salvageRecords } from './record-salvage.ts';
import { RecordWriter } from './record-writer.ts';

/** Options of {@link repairRecords}. */
export interface RepairOptions extends SalvageOptions {
  readonly records: ByteSource;
  /** The `.idx`, as far as it is good: records keep their keys. */
  readonly index?: ByteSource | undefined;
  /** Where the whole records go. */
  readonly output: WritableStream<Uint8Array>;
}

/** What {@link repairRecords} did. */
export interface RepairReport {
  /** Records kept. */
  readonly records: number;
  /** Index of the repaired file; write it with `serializeIndex`. */
  readonly index: Pick<RecordIndex, 'keys' | 'offsets'>;
  /** What was not kept: stretches of the damaged file, with the keys that pointed there. */
  readonly lost: readonly (LostBytes & { readonly key?: number | undefined })[];
}

/**
 * Copies every whole record, and lists what was lost.
 *
 * A record keeps the key that the index has for it; without one it gets the id in its image header if no other record
 * has that key, else a new key after all others. A dataset in the InsightFace layout that has lost images is to be
 * opened with layout `flat` afterwards, since its identity records still count them.
 *
 * On any error the output is aborted and the error is thrown.
 */
export async function repairRecords(options: RepairOptions): Promise<RepairReport> {
  const lines = await readIndexLines(options.index, options, () => {});
  const writer = new RecordWriter(options.output);
  const offsets: number[] = [];
  const keys: (number | undefined)[] = [];
  const ids: (number | undefined)[] = [];
  const lost: (LostBytes & { readonly key?: number | undefined })[] = [];
  try {
    for await (const stretch of salvageRecords(options.records, options)) {
      for (const { offset, payload } of stretch.records) {
        offsets.push(await writer.write(payload));
        keys.push(lines?.keyAt(offset));
        ids.push(idOf(payload));
      }
      if (stretch.lost !== undefined) {
        lost.push({ ...stretch.lost, key: lines?.keyAt(stretch.lost.offset) });
      }
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error);
    throw error;
  }
  const completeKeys = completed(keys, ids);
  return {
    records: offsets.length,
    index: { keys: completeKeys, offsets: Float64Array.from(offsets) },
    lost,
  };
}

function idOf(payload: Uint8Array): number | undefined {
  try {
    const id = Number(parseImageRecord(payload).id);
    return Number.isSafeInteger(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

function completed(
  keys: readonly (number | undefined)[],
  ids: readonly (number | undefined)[],
): Float64Array {
  const taken = new Set(keys);
  let largest = -1;
  for (const candidate of [...keys, ...ids]) {
    largest = Math.max(largest, candidate ?? -1);
  }
  return Float64Array.from(keys, (key, row) => {
    if (key !== undefined) {
      return key;
    }
    const id = ids[row];
    if (id !== undefined && !taken.has(id)) {
      taken.add(id);
      return id;
    }
    largest = largest < Number.MAX_SAFE_INTEGER ? largest + 1 : keys.length;
    taken.add(largest);
    return largest;
  });
}
