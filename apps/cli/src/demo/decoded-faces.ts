/**
 * A dataset decoded once and kept in memory, for training runs of many epochs over a few thousand small images: decoding
 * would otherwise take longer than training.
 */
import type { FaceDataset } from '@arcface/recordio';
import { type DecodedImage, decodeImage, type ImageDecoder, type ImageSize } from '@arcface/trainer';
import { CommandError } from '../cli/usage-error.ts';

/** A dataset whose records are pixels, and the decoder that goes with it. */
export interface DecodedFaces {
  readonly dataset: FaceDataset;
  readonly decoder: ImageDecoder;
}

const CONCURRENCY = 8;

/** Decodes every image at one size. */
export async function decodeFaces(
  dataset: FaceDataset,
  options: { readonly decoder: ImageDecoder; readonly size: ImageSize; readonly signal?: AbortSignal },
): Promise<DecodedFaces> {
  const { decoder, size, signal } = options;
  const bytes = size.height * size.width * 3;
  const pixels = new Uint8Array(dataset.length * bytes);
  for (let from = 0; from < dataset.length; from += CONCURRENCY) {
    signal?.throwIfAborted();
    const positions = Array.from(
      { length: Math.min(CONCURRENCY, dataset.length - from) },
      (_, i) => from + i,
    );
    const images = await Promise.all(
      positions.map((position) => decodeImage({ dataset, decoder, size }, position)),
    );
    for (const image of images) pixels.set(decodedPixels(image), image.position * bytes);
  }
  return {
    dataset: {
      length: dataset.length,
      labels: dataset.labels,
      identities: dataset.identities,
      key: (position) => dataset.key(position),
      async read(position) {
        return {
          key: dataset.key(position),
          label: dataset.labels[position]!,
          bytes: pixels.subarray(position * bytes, (position + 1) * bytes),
        };
      },
      close: () => dataset.close(),
    },
    decoder: { decode: async (record) => record },
  };
}

function decodedPixels({ pixels, key, reason }: DecodedImage): Uint8Array {
  if (pixels === undefined) throw new CommandError(`Image ${key} cannot be decoded: ${reason}`);
  return pixels;
}
