/** An index by offset: which key a place in the file has. What checking and repairing go by. */
import type { ByteSource, ReadOptions } from './byte-source.ts';
import { findInSorted, type IndexFaultHandler, parseIndex, sortedRows } from './record-index.ts';

/** The good lines of an index in the order of their offsets. */
export interface IndexLines {
  readonly keys: Float64Array;
  readonly offsets: Float64Array;
  keyAt(offset: number): number | undefined;
}

/** Reads an index that may have bad lines. */
export async function readIndexLines(
  index: ByteSource | undefined,
  options: ReadOptions,
  onFault: IndexFaultHandler,
): Promise<IndexLines | undefined> {
  if (index === undefined) {
    return undefined;
  }
  const lines = parseIndex(await index.read(0, index.byteLength, options), { onFault });
  const rows = sortedRows(lines.offsets);
  const keys = Float64Array.from(rows, (row) => lines.keys[row]!);
  const offsets = Float64Array.from(rows, (row) => lines.offsets[row]!);
  return { keys, offsets, keyAt: (offset) => keys[findInSorted(offsets, offset)] };
}
