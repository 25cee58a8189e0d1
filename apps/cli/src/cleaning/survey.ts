/**
 * What there is to judge, when all images are embedded: which of them could be decoded, how each looks to a perceptual hash, and what bytes
 * it all was.
 */
import { createHash } from 'node:crypto';
import type { FaceDataset } from '@arcface/recordio';
import { datasetFingerprint, type UndecodableImage } from '@arcface/trainer';
import { CommandError } from '../cli/usage-error.ts';
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

/** @throws {CommandError} naming the first image whose embedding is not all finite numbers */
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
      if (!hasOnlyFinite(chunk, place)) throw noNumbers(dataset.key(chunk.start + place), chunk, place);
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

/** Whether an image's embedding has no NaN and no infinity. */
function hasOnlyFinite({ embeddings, dimensions }: EmbeddedChunk, place: number): boolean {
  let zero = 0;
  for (let i = place * dimensions; i < (place + 1) * dimensions; i++) zero += 0 * embeddings[i]!;
  return zero === 0;
}

function noNumbers(
  key: number | string,
  { embeddings, dimensions }: EmbeddedChunk,
  place: number,
): CommandError {
  const row = embeddings.subarray(place * dimensions, (place + 1) * dimensions);
  const column = row.findIndex((value) => !Number.isFinite(value));
  return new CommandError(
    `The network's embedding of image ${JSON.stringify(key)} is not all finite numbers: number ${column} is ${row[column]}. ` +
      'Has the network diverged in training? If it is this image alone, leave the image out.',
  );
}
