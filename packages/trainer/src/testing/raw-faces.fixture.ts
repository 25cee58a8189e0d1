/**
 * A dataset for tests whose images are raw RGB bytes in memory, and the decoder that goes with it. Every identity has a
 * colour pattern of its own and every image some noise, so that a small network can learn to tell them apart.
 */
import type { FaceDataset } from '@arcface/recordio';
import type { ImageSize } from '../data/augmentation.ts';
import type { ImageDecoder } from '../data/image-decoder.ts';
import { Random } from '../random.ts';

/** Unpacks raw bytes of the right length; everything else is "undecodable". */
export const rawDecoder: ImageDecoder = {
  async decode(bytes: Uint8Array, { height, width }: ImageSize): Promise<Uint8Array> {
    if (bytes.length !== height * width * 3) throw new Error(`not a raw image: ${bytes.length} bytes`);
    return bytes;
  },
};

/** A decoder that takes a different, random-looking time for every image. */
export const slowDecoder: ImageDecoder = {
  async decode(bytes, size) {
    await new Promise((resolve) => setTimeout(resolve, (bytes[0] ?? 0) % 7));
    return rawDecoder.decode(bytes, size);
  },
};

export interface RawFacesOptions extends ImageSize {
  readonly identities: number;
  readonly imagesPerIdentity: number;
  readonly seed?: number;
  /** Positions whose bytes are cut short. */
  readonly undecodable?: readonly number[];
  /** Replaces the labels. */
  readonly labels?: readonly number[];
}

export function rawFaces(options: RawFacesOptions): FaceDataset & { readonly reads: number[] } {
  const { identities, imagesPerIdentity, height, width, seed = 1, undecodable = [] } = options;
  const length = identities * imagesPerIdentity;
  const labels = Int32Array.from(
    options.labels ?? Array.from({ length }, (_, i) => Math.floor(i / imagesPerIdentity)),
  );
  const images = Array.from({ length }, (_, i) => {
    const identity = Random.of(seed, 'identity', Math.floor(i / imagesPerIdentity));
    const noise = Random.of(seed, 'image', i);
    const pattern = Array.from({ length: 12 }, () => identity.uniform(40, 215));
    return Uint8Array.from({ length: height * width * 3 }, (_, at) => {
      const x = Math.floor(at / 3) % width;
      const y = Math.floor(at / 3 / width);
      const quadrant = (x < width / 2 ? 0 : 1) + (y < height / 2 ? 0 : 2);
      return pattern[quadrant * 3 + (at % 3)]! + noise.uniform(-40, 40);
    });
  });
  const reads: number[] = [];
  return {
    reads,
    length,
    labels,
    identities: [...new Set(labels)].map((label) => ({
      label,
      images: Int32Array.from(labels.keys()).filter((position) => labels[position] === label),
    })),
    key: (position) => position + 1,
    async read(position) {
      reads.push(position);
      const bytes = undecodable.includes(position) ? images[position]!.subarray(0, 5) : images[position]!;
      return { key: position + 1, label: labels[position]!, bytes };
    },
    async close() {},
  };
}
