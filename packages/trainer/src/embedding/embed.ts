/**
 * Embeddings of a whole dataset, a row an image in data order: what the cleaner judges and what verification compares.
 *
 * Policy for images that cannot be decoded: their row is all zeros, which is the embedding of nothing (every cosine with
 * it is 0, where NaN would spread), and they are listed in `failed`. Whoever uses the rows must leave those out or mark
 * them. If not one image can be decoded, that is an error.
 */
import type { UndecodableImage } from '../data/data-loader.ts';
import { eventLoopTurn } from '../data/event-loop-turn.ts';
import { decodeImage, type ImageDecoder, type ImageSource } from '../data/image-decoder.ts';
import { mirrorImage } from '../data/image-geometry.ts';
import { prefetch } from '../data/prefetch.ts';
import { TrainingError } from '../training-error.ts';
import { type Embedder, type EmbeddingBackbone, embedderOf } from './embedder.ts';

/** Options of {@link embedImages}. */
export interface EmbedOptions {
  /** What embeds: a network of this project, or anything else that does. */
  readonly backbone: EmbeddingBackbone | Embedder;
  readonly dataset: ImageSource;
  readonly decoder: ImageDecoder;
  /** Images a forward pass. The last batch is filled up, so that all have the same graph. Default 64. */
  readonly batchSize?: number;
  /** Adds the embedding of the mirror image, as verification does. Default false. */
  readonly flip?: boolean;
  /** Images that are read and decoded at once. Default: two batches, all that is prepared ahead. */
  readonly concurrency?: number;
  readonly onProgress?: (progress: EmbedProgress) => void;
  /** Aborts between batches; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How far {@link embedImages} is. */
export interface EmbedProgress {
  readonly done: number;
  readonly total: number;
  readonly imagesPerSecond: number;
}

/** The result of {@link embedImages}. */
export interface Embeddings {
  /** Row-major [images, dimensions], as the network gives them: not normalised. */
  readonly embeddings: Float32Array;
  readonly dimensions: number;
  /** Images that cannot be decoded; their rows are zeros. */
  readonly failed: readonly UndecodableImage[];
  /** Mean L2 norm of the network's outputs, mirror images counted singly: the reference's `xnorm`. */
  readonly xnorm: number;
  readonly imagesPerSecond: number;
}

/**
 * Embeds every image of a dataset.
 *
 * @throws {TrainingError} `invalid-dataset` for an empty dataset, `nothing-decodable`, `invalid-option`; errors of the
 *   dataset are passed on
 */
export async function embedImages(options: EmbedOptions): Promise<Embeddings> {
  const { dataset, batchSize = 64, flip = false, concurrency = Number.POSITIVE_INFINITY, signal } = options;
  const embedder = embedderOf(options.backbone);
  const [height, width] = embedder.inputShape;
  const dimensions = embedder.embeddingSize;
  const total = dataset.length;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new TrainingError(
      'invalid-option',
      `batchSize must be a whole number of at least 1, got ${batchSize}.`,
    );
  }
  if (!(concurrency >= 1))
    throw new TrainingError('invalid-option', `concurrency must be at least 1, got ${concurrency}.`);
  if (total === 0) throw new TrainingError('invalid-dataset', 'The dataset has no image.');

  const size = { height, width };
  const source = { dataset, decoder: options.decoder, size };
  const { batchesAtOnce = 1 } = embedder;
  const images = prefetch((position) => decodeImage(source, position, { signal }), {
    ahead: (1 + batchesAtOnce) * batchSize,
    concurrency,
    to: total,
  });
  const result = new Float32Array(total * dimensions);
  const failed: UndecodableImage[] = [];
  const bytes = height * width * 3;
  const begun = performance.now();
  let sumOfNorms = 0;
  let outputs = 0;

  const embedBatch = async (pixels: Uint8Array): Promise<Float32Array[]> => {
    const upright = await embedder.embed(pixels, batchSize);
    if (!flip) return [upright];
    for (let i = 0; i < batchSize; i++) mirrorImage(pixels.subarray(i * bytes, (i + 1) * bytes), size);
    return [upright, await embedder.embed(pixels, batchSize)];
  };
  const add = (positions: readonly number[], rows: Float32Array): void => {
    positions.forEach((position, i) => {
      let square = 0;
      for (let d = 0; d < dimensions; d++) {
        const value = rows[i * dimensions + d]!;
        square += value * value;
        result[position * dimensions + d]! += value;
      }
      sumOfNorms += Math.sqrt(square);
      outputs++;
    });
  };
  const rate = (done: number): number => (done * 1000) / (performance.now() - begun);
  let reported = 0;
  const report = (done: number): void => {
    reported = done;
    options.onProgress?.({ done, total, imagesPerSecond: rate(done) });
  };

  /** Batches that are being embedded, the earliest first. */
  const inHand: { pixels: Uint8Array; positions: number[]; done: number; rows: Promise<Float32Array[]> }[] =
    [];
  const spare: Uint8Array[] = [];
  /** Waits for the earliest: what is summed is summed in data order. */
  const finishOne = async (): Promise<void> => {
    const { pixels, positions, done, rows } = inHand.shift()!;
    for (const each of await rows) add(positions, each);
    spare.push(pixels);
    report(done);
  };
  const newBatch = () => ({
    pixels: spare.pop() ?? new Uint8Array(batchSize * bytes),
    positions: [] as number[],
  });

  let batch = newBatch();
  let done = 0;
  for await (const { key, position, pixels: decoded, reason = '' } of images) {
    signal?.throwIfAborted();
    done++;
    const { pixels, positions } = batch;
    if (decoded) pixels.set(decoded, positions.push(position) * bytes - bytes);
    else failed.push({ key, position, reason });
    if (positions.length === batchSize || (done === total && positions.length > 0)) {
      if (inHand.length === batchesAtOnce) await finishOne();
      await eventLoopTurn();
      pixels.fill(0, positions.length * bytes);
      const rows = embedBatch(pixels);
      // Its turn may come after another one has thrown, or never; that must not be an unhandled rejection.
      rows.catch(() => {});
      inHand.push({ pixels, positions, done, rows });
      if (batchesAtOnce === 1) await finishOne();
      batch = newBatch();
    } else if (positions.length === 0 && inHand.length === 0) report(done);
  }
  while (inHand.length > 0) await finishOne();
  if (reported < total) report(total);
  if (failed.length === total) {
    throw new TrainingError(
      'nothing-decodable',
      `None of the ${total} images can be decoded, for example ${failed[0]!.key}: ${failed[0]!.reason}`,
      { keys: failed.map(({ key }) => key) },
    );
  }
  return {
    embeddings: result,
    dimensions,
    failed,
    xnorm: sumOfNorms / outputs,
    imagesPerSecond: rate(total),
  };
}
