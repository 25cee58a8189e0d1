/**
 * Embeddings of a store as rows for the cleaner: read when they are needed, so that the memory that judging takes does not grow with their
 * length. Whoever goes through them in order has a chunk read at a time; whoever picks some from all over, single rows.
 */
import type { EmbeddingRows } from '@arcface/cleaner';
import type { EmbeddingStore } from './embedding-store.ts';
import { readSlices } from './safetensors-slices.ts';

/** Chunks in memory: a small dataset is read once. */
const CACHE_BYTES = 2 ** 28;

/** @param positions the images that are wanted, by their positions in the dataset */
export function storedRows(store: EmbeddingStore, positions: Int32Array, dimensions: number): EmbeddingRows {
  const { chunkImages } = store;
  const most = Math.max(2, Math.floor(CACHE_BYTES / (chunkImages * dimensions * 4)));
  const cache = new Map<number, Float32Array>();
  let lastMissed = -1;
  const keep = (chunk: number): Float32Array => {
    const rows = readSlices(store.pathOf(chunk), (file) => file.read('F32', 'embeddings'));
    const [oldest] = cache.keys();
    if (cache.size >= most) cache.delete(oldest!);
    cache.set(chunk, rows);
    return rows;
  };
  return {
    rows: positions.length,
    read(image, into) {
      const chunk = Math.floor(positions[image]! / chunkImages);
      const place = positions[image]! % chunkImages;
      let rows = cache.get(chunk);
      // Asked twice in a row for the same chunk: the whole of it will be wanted.
      if (rows === undefined && chunk === lastMissed) rows = keep(chunk);
      if (rows !== undefined) {
        const start = place * dimensions;
        for (let d = 0; d < dimensions; d++) into[d] = rows[start + d]!;
        return;
      }
      lastMissed = chunk;
      into.set(readSlices(store.pathOf(chunk), (file) => file.read('F32', 'embeddings', place, place + 1)));
    },
  };
}
