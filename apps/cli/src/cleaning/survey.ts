/**
 * What there is to judge, when all images are embedded: which of them could be decoded, how each looks to a perceptual hash, and what bytes
 * it all was.
 */
import { createHash } from 'node:crypto';
import type { FaceDataset } from '@arcface/recordio';
import { datasetFingerprint, type UndecodableImage } from '@arcface/trainer';
import { type EmbeddedChunk, type EmbeddingStore, readableRows } from './embedding-store.ts';

/** What the chunks say beside the embeddings. */
export interface Survey {
  readonly dimensions: number;
  /** Of the images that can be decoded. */
  readonly positions: Int32Array;
  readonly failed: readonly UndecodableImage[];
  /** Of the images that can be decoded: [n, 8] and [n, 32]. */
  readonly hashes: Uint8Array;
  readonly digests: Uint8Array;
  readonly contentSha256: string;
  readonly fingerprint: ReturnType<typeof datasetFingerprint>;
}

export async function surveyChunks(store: EmbeddingStore, dataset: FaceDataset): Promise<Survey> {
  const failed: UndecodableImage[] = [];
  const content = createHash('sha256');
  const positions = new Int32Array(dataset.length);
  const hashes = new Uint8Array(dataset.length * 8);
  const digests = new Uint8Array(dataset.length * 32);
  let images = 0;
  let dimensions = 0;
  for await (const chunk of chunksOf(store)) {
    dimensions = chunk.dimensions;
    failed.push(...chunk.failed);
    content.update(chunk.digests);
    const gone = new Set(chunk.failed.map(({ position }) => position - chunk.start));
    for (let place = 0; place < chunk.images; place++) {
      if (gone.has(place)) continue;
      positions[images] = chunk.start + place;
      hashes.set(chunk.hashes.subarray(place * 8, place * 8 + 8), images * 8);
      digests.set(chunk.digests.subarray(place * 32, place * 32 + 32), images * 32);
      images++;
    }
  }
  return {
    dimensions,
    positions: positions.subarray(0, images),
    failed,
    hashes: hashes.subarray(0, images * 8),
    digests: digests.subarray(0, images * 32),
    contentSha256: content.digest('hex'),
    fingerprint: datasetFingerprint(dataset),
  };
}

export async function* chunksOf(store: EmbeddingStore): AsyncGenerator<EmbeddedChunk> {
  for (let chunk = 0; chunk < store.chunks; chunk++) yield await store.read(chunk);
}

/** All embeddings of images that can be decoded, in memory: [n, dimensions]. */
export async function readAll(
  store: EmbeddingStore,
  { positions, dimensions }: Survey,
): Promise<Float32Array> {
  const rows = new Float32Array(positions.length * dimensions);
  let to = 0;
  for await (const chunk of chunksOf(store)) {
    const readable = readableRows(chunk);
    rows.set(readable, to);
    to += readable.length;
  }
  return rows;
}
