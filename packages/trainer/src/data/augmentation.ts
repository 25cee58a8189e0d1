/**
 * What is done to a training image before the network sees it: mirror, small shift, light, cutoff, each with draws from
 * the generator it is given, always in this order. Images are RGB bytes, row-major height x width x 3, changed in place.
 *
 * Colour follows what the reference asks of MXNet (brightness, contrast and saturation, each within its share, in random
 * order); there the option crashes, so the intention is what is implemented. Cutoff is the reference's.
 */
import type { Random } from '../random.ts';
import { TrainingError } from '../training-error.ts';

/** Options of {@link augment}; plain data. */
export interface AugmentationOptions {
  /** Chance of a left-right mirror image. Default .5. */
  readonly mirror?: number;
  /** Largest translation in pixels, each way and along each axis; edges are repeated. Default 0. */
  readonly shift?: number;
  /** Largest relative change of brightness. The reference's `--color`: .125. Default 0. */
  readonly brightness?: number;
  /** Largest relative change of contrast (distance from the image's mean grey). Default 0. */
  readonly contrast?: number;
  /** Largest relative change of saturation (distance from each pixel's grey). Default 0. */
  readonly saturation?: number;
  /** Side of a square of value 128 that covers a random place with a chance of one half; 0 for none. Default 0. */
  readonly cutoff?: number;
}

/** An image's size in pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

export const AUGMENTATION_DEFAULTS: Required<AugmentationOptions> = {
  mirror: 0.5,
  shift: 0,
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

/** Augments one image in place. */
export function augment(
  pixels: Uint8Array,
  size: ImageSize,
  options: AugmentationOptions,
  random: Random,
): void {
  const { mirror, shift, brightness, contrast, saturation, cutoff } = {
    ...AUGMENTATION_DEFAULTS,
    ...options,
  };
  if (random.float() < mirror) mirrorImage(pixels, size);
  if (shift > 0) {
    const right = random.integer(2 * shift + 1) - shift;
    const down = random.integer(2 * shift + 1) - shift;
    shiftImage(pixels, size, { right, down });
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

/** Turns an image into its left-right mirror image, in place. */
export function mirrorImage(pixels: Uint8Array, { height, width }: ImageSize): void {
  for (let y = 0; y < height; y++) {
    let left = y * width * 3;
    let right = left + (width - 1) * 3;
    for (; left < right; left += 3, right -= 3) {
      for (let c = 0; c < 3; c++) {
        const swapped = pixels[left + c]!;
        pixels[left + c] = pixels[right + c]!;
        pixels[right + c] = swapped;
      }
    }
  }
}

function shiftImage(
  pixels: Uint8Array,
  { height, width }: ImageSize,
  { right, down }: { right: number; down: number },
): void {
  if (right === 0 && down === 0) return;
  const original = new Uint8Array(pixels);
  const kept = Math.max(0, width - Math.abs(right)) * 3;
  for (let y = 0; y < height; y++) {
    const from = Math.min(height - 1, Math.max(0, y - down)) * width * 3;
    const to = y * width * 3;
    // What stays in the picture moves as one; the columns that come in repeat its edge.
    const first = from + Math.min(width, Math.max(0, -right)) * 3;
    pixels.set(original.subarray(first, first + kept), to + Math.min(width, Math.max(0, right)) * 3);
    for (let x = 0; x < Math.min(width, right); x++) copyColour(original, from, pixels, to + x * 3);
    for (let x = Math.max(0, width + right); x < width; x++) {
      copyColour(original, from + (width - 1) * 3, pixels, to + x * 3);
    }
  }
}

function copyColour(source: Uint8Array, from: number, target: Uint8Array, to: number): void {
  for (let c = 0; c < 3; c++) target[to + c] = source[from + c]!;
}

/**
 * Brightness, contrast and saturation in random order. Each is an affine map of a value and its pixel's grey, so all
 * three together are one: `scale * value + greyScale * grey + offset`, worked out first and applied in a single pass.
 */
function jitterColour(
  pixels: Uint8Array,
  shares: Required<Pick<AugmentationOptions, 'brightness' | 'contrast' | 'saturation'>>,
  random: Random,
): void {
  const changes = (['brightness', 'contrast', 'saturation'] as const)
    .filter((name) => shares[name] > 0)
    .map((name) => ({ name, factor: 1 + random.uniform(-shares[name], shares[name]), order: random.float() }))
    .sort((a, b) => a.order - b.order);
  if (changes.length === 0) return;
  const mean = shares.contrast > 0 ? meanGrey(pixels) : 0;
  let scale = 1;
  let greyScale = 0;
  let offset = 0;
  for (const { name, factor } of changes) {
    const rest = 1 - factor;
    if (name === 'saturation') {
      // Towards the pixel's own grey, which by now is (scale + greyScale) * grey + offset.
      greyScale = greyScale * factor + (scale + greyScale) * rest;
      scale *= factor;
      continue;
    }
    // Towards the image's mean grey, or towards black.
    const centre = name === 'contrast' ? (scale + greyScale) * mean + offset : 0;
    scale *= factor;
    greyScale *= factor;
    offset = offset * factor + centre * rest;
  }
  // Rounds and clamps as it stores.
  const clamped = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  for (let at = 0; at < pixels.length; at += 3) {
    const shared = greyScale * greyAt(pixels, at) + offset;
    clamped[at] = scale * pixels[at]! + shared;
    clamped[at + 1] = scale * pixels[at + 1]! + shared;
    clamped[at + 2] = scale * pixels[at + 2]! + shared;
  }
}

/** Grey of an RGB colour as ITU-R BT.601 weighs it, which is what MXNet uses. */
function greyAt(pixels: Uint8Array, at: number): number {
  return 0.299 * pixels[at]! + 0.587 * pixels[at + 1]! + 0.114 * pixels[at + 2]!;
}

function meanGrey(pixels: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < pixels.length; at += 3) sum += greyAt(pixels, at);
  return (sum * 3) / pixels.length;
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
