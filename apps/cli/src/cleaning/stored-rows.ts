/** Embeddings of a store as rows for the cleaner. */
import type { EmbeddingRows } from '@arcface/cleaner';
import { chunkedRows } from './chunked-rows.ts';
import type { EmbeddingStore } from './embedding-store.ts';
import { readSlices } from './safetensors-slices.ts';

/** @param positions the images that are wanted, by their positions in the dataset */
export function storedRows(store: EmbeddingStore, positions: Int32Array, dimensions: number): EmbeddingRows {
  const all = chunkedRows({
    rows: store.images,
    dimensions,
    chunkRows: store.chunkImages,
    readChunk: (chunk) => readSlices(store.pathOf(chunk), (file) => file.read('F32', 'embeddings')),
    readRow: (chunk, place) =>
      readSlices(store.pathOf(chunk), (file) => file.read('F32', 'embeddings', place, place + 1)),
  });
  return {
    rows: positions.length,
    read: (image, into) => all.read(positions[image]!, into),
  };
}
