/**
 * Verification from images to figures, the way `.bin` packs and lists of pairs are used: embed both images of every pair
 * with their mirror images, add, compare.
 *
 * Policy for images that cannot be decoded: pairs with such an image are left out of all figures, and listed.
 */
import { type EmbedOptions, embedImages } from '../embedding/embed.ts';
import { TrainingError } from '../training-error.ts';
import { type Verification, type VerificationOptions, verifyPairs } from './verification.ts';

/** Options of {@link verifyImages}. */
export interface VerifyImagesOptions extends Omit<EmbedOptions, 'dataset'>, VerificationOptions {
  /** Images 2i and 2i+1 are pair i. */
  readonly images: EmbedOptions['dataset'];
  /** Truth of each pair. */
  readonly isSame: ArrayLike<boolean | number>;
}

/** The result of {@link verifyImages}. */
export interface ImageVerification extends Verification {
  /** Mean L2 norm of the network's outputs before normalisation, as the reference prints it. */
  readonly xnorm: number;
  /** Numbers of the pairs that were left out because an image cannot be decoded. */
  readonly leftOut: readonly number[];
  readonly imagesPerSecond: number;
}

/**
 * Verifies a model on pairs of images. `flip` is true by default, as in the reference.
 *
 * @throws {TrainingError} as `embedImages` and `verifyPairs`; `invalid-pairs` when there are not two images a pair
 */
export async function verifyImages(options: VerifyImagesOptions): Promise<ImageVerification> {
  const { images, isSame } = options;
  if (images.length !== 2 * isSame.length) {
    throw new TrainingError(
      'invalid-pairs',
      `${isSame.length} pairs need ${2 * isSame.length} images, but there are ${images.length}.`,
    );
  }
  const result = await embedImages({ ...options, dataset: images, flip: options.flip ?? true });
  const { embeddings, dimensions, failed, xnorm, imagesPerSecond } = result;
  const leftOut = [...new Set(failed.map(({ position }) => position >> 1))];
  const isLeftOut = new Set(leftOut);
  const pairs = Array.from({ length: isSame.length }, (_, pair) => pair).filter(
    (pair) => !isLeftOut.has(pair),
  );
  const width = 2 * dimensions;
  const rows = new Float32Array(pairs.length * width);
  pairs.forEach((pair, i) => {
    rows.set(embeddings.subarray(pair * width, (pair + 1) * width), i * width);
  });
  const truth = pairs.map((pair) => Boolean(isSame[pair]));
  return { ...verifyPairs(rows, truth, options), xnorm, leftOut, imagesPerSecond };
}
