/**
 * Rows of a matrix on disk, for the cleaner: read when they are needed, so that the memory that judging takes does not grow with their
 * number. Whoever goes through them in order has a chunk read at a time; whoever picks some from all over, single rows.
 */
import type { EmbeddingRows } from '@arcface/cleaner';

/** Chunks in memory: a small matrix is read once. */
const CACHE_BYTES = 2 ** 28;

export interface ChunkedMatrix {
  readonly rows: number;
  readonly dimensions: number;
  readonly chunkRows: number;
  /** All rows of a chunk, [chunkRows or what is left, dimensions]. */
  readonly readChunk: (chunk: number) => Float32Array;
  /** The row at a place of a chunk. */
  readonly readRow: (chunk: number, place: number) => Float32Array;
}

export function chunkedRows({
  rows,
  dimensions,
  chunkRows,
  readChunk,
  readRow,
}: ChunkedMatrix): EmbeddingRows {
  const most = Math.max(2, Math.floor(CACHE_BYTES / (chunkRows * dimensions * 4)));
  const cache = new Map<number, Float32Array>();
  let lastMissed = -1;
  const keep = (chunk: number): Float32Array => {
    const values = readChunk(chunk);
    const [oldest] = cache.keys();
    if (cache.size >= most) cache.delete(oldest!);
    cache.set(chunk, values);
    return values;
  };
  return {
    rows,
    read(row, into) {
      const chunk = Math.floor(row / chunkRows);
      const place = row % chunkRows;
      let values = cache.get(chunk);
      // Asked twice in a row for the same chunk: the whole of it will be wanted.
      if (values === undefined && chunk === lastMissed) values = keep(chunk);
      if (values !== undefined) {
        const start = place * dimensions;
        for (let d = 0; d < dimensions; d++) into[d] = values[start + d]!;
        return;
      }
      lastMissed = chunk;
      into.set(readRow(chunk, place));
    },
  };
}
