/**
 * What is done to a training image before the network sees it: mirror, small shift, crop, JPEG again, light, cutoff, each with
 * draws from the generator it is given, always in this order. Images are RGB bytes, row-major height x width x 3, changed
 * in place.
 *
 * Colour follows what the reference asks of MXNet (brightness, contrast and saturation, each within its share, in random
 * order); there the option crashes, so the intention is what is implemented. Cutoff is the reference's.
 */
import type { Random, RandomState } from '../random.ts';
import { TrainingError } from '../training-error.ts';
import { jitterColour } from './colour-jitter.ts';
import { cropImage, mirrorImage, shiftImage } from './image-geometry.ts';

/** Options of {@link augment}; plain data. */
export interface AugmentationOptions {
  /** Chance of a left-right mirror image. Default .5. */
  readonly mirror?: number;
  /** Largest translation in pixels, each way and along each axis; edges are repeated. Default 0. */
  readonly shift?: number;
  /**
   * Largest share of each side that a random crop takes away before the image is scaled to its size again, along the two axes
   * independently, as recipes later than the reference's do. Default 0.
   */
  readonly crop?: number;
  /**
   * Chance that an image is compressed as JPEG once more, at a quality drawn from 2 to 20: the reference's `--color 2`, .5. Needs a
   * decoder that can `recompress`. Default 0.
   */
  readonly recompression?: number;
  /** Largest relative change of brightness. The reference's `--color`: .125. Default 0. */
  readonly brightness?: number;
  /** Largest relative change of contrast (distance from the image's mean grey). Default 0. */
  readonly contrast?: number;
  /** Largest relative change of saturation (distance from each pixel's grey). Default 0. */
  readonly saturation?: number;
  /** Side of a square of value 128 that covers a random place with a chance of one half; 0 for none. Default 0. */
  readonly cutoff?: number;
}

/** How one image is augmented, as plain data: it can be done in another thread. */
export interface ImageAugmentation {
  readonly options: AugmentationOptions;
  /** State of the generator that is drawn from: the same state gives the same image. */
  readonly random: RandomState;
}

/** An image's size in pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

export const AUGMENTATION_DEFAULTS: Required<AugmentationOptions> = {
  mirror: 0.5,
  shift: 0,
  crop: 0,
  recompression: 0,
  brightness: 0,
  contrast: 0,
  saturation: 0,
  cutoff: 0,
};

/** @throws {TrainingError} `invalid-option` naming the option, what it must be and what it is */
export function checkAugmentation(options: AugmentationOptions): void {
  for (const [name, value] of Object.entries(options)) {
    const whole = name === 'shift' || name === 'cutoff';
    const valid = value === undefined || (value >= 0 && (whole ? Number.isInteger(value) : value <= 1));
    if (!valid) {
      const expected = whole ? 'a whole number of pixels' : 'in 0..1';
      throw new TrainingError('invalid-option', `augmentation.${name} must be ${expected}, got ${value}.`);
    }
  }
}

/** Compresses RGB bytes as JPEG and decodes them again. `quality` is 1 to 100. */
export type Recompress = (pixels: Uint8Array, size: ImageSize, quality: number) => Promise<Uint8Array>;

/** The reference's range of qualities. */
const QUALITY = { lowest: 2, highest: 20 };

/**
 * Augments one image in place.
 *
 * @param recompress what compresses; needed where `recompression` is above 0
 * @throws {TrainingError} `invalid-option` when recompression is asked for and nothing can do it
 */
export async function augment(
  pixels: Uint8Array,
  size: ImageSize,
  options: AugmentationOptions,
  random: Random,
  recompress?: Recompress | undefined,
): Promise<void> {
  const { mirror, shift, crop, recompression, brightness, contrast, saturation, cutoff } = {
    ...AUGMENTATION_DEFAULTS,
    ...options,
  };
  if (random.float() < mirror) mirrorImage(pixels, size);
  if (shift > 0) {
    const right = random.integer(2 * shift + 1) - shift;
    const down = random.integer(2 * shift + 1) - shift;
    shiftImage(pixels, size, { right, down });
  }
  if (crop > 0) {
    const width = size.width * (1 - crop * random.float());
    const height = size.height * (1 - crop * random.float());
    const left = (size.width - width) * random.float();
    const top = (size.height - height) * random.float();
    cropImage(pixels, size, { left, top, width, height });
  }
  if (recompression > 0) {
    checkRecompression(options, recompress);
    const quality = QUALITY.lowest + random.integer(QUALITY.highest - QUALITY.lowest + 1);
    if (random.float() < recompression) pixels.set(await recompress!(pixels, size, quality));
  }
  jitterColour(pixels, { brightness, contrast, saturation }, random);
  if (cutoff > 0 && random.float() < 0.5) {
    coverSquare(pixels, size, {
      side: cutoff,
      x: random.integer(size.width),
      y: random.integer(size.height),
    });
  }
}

/** @throws {TrainingError} `invalid-option` when recompression is asked for and nothing can do it */
export function checkRecompression(
  { recompression = 0 }: AugmentationOptions,
  recompress: Recompress | undefined,
): void {
  if (recompression === 0 || recompress !== undefined) return;
  throw new TrainingError(
    'invalid-option',
    'augmentation.recompression needs a decoder with a `recompress` method, and this one has none.',
  );
}

function coverSquare(
  pixels: Uint8Array,
  { height, width }: ImageSize,
  { side, x, y }: { side: number; x: number; y: number },
): void {
  const half = side >> 1;
  const left = Math.max(0, x - half) * 3;
  const right = Math.min(width, x + half) * 3;
  for (let row = Math.max(0, y - half); row < Math.min(height, y + half); row++) {
    pixels.fill(128, row * width * 3 + left, row * width * 3 + right);
  }
}
