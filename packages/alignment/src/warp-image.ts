/**
 * An image seen through a similarity: every pixel of the result is looked up where it comes from, between four pixels of the
 * source (bilinear). What lies outside of the source is black, and blends with it at its edge.
 */
import type { RgbImage } from './align-face.ts';
import { AlignmentError } from './alignment-error.ts';
import type { Similarity } from './similarity-transform.ts';

/** Options of {@link warpImage}. */
export interface WarpOptions {
  /** Width of the result in pixels. */
  readonly width: number;
  /** Height of the result in pixels. */
  readonly height: number;
  /**
   * Averages as many samples a pixel, along each axis, as the source has pixels there (rounded), so that large photos do
   * not flicker when they are made small. Default true; false is what the reference does at any scale. Where the result
   * is more than two thirds of the source's size, there is no difference.
   */
  readonly antialias?: boolean | undefined;
}

/** Samples along an axis of a pixel, at most: beyond it only time would be added. */
const MOST_SAMPLES = 32;

/**
 * @param image RGB, 8 bits a channel
 * @param transform from the source's pixels to the result's
 * @returns RGB of `width` x `height`
 * @throws {AlignmentError} `invalid-image` when the pixels do not fill the size; `invalid-option` for a transform of
 *   scale 0 or without end, or a size that is none
 */
export function warpImage(image: RgbImage, transform: Similarity, options: WarpOptions): RgbImage {
  const { width, height, antialias = true } = options;
  if (image.data.length !== image.width * image.height * 3) {
    throw new AlignmentError(
      'invalid-image',
      `An RGB image of ${image.width}x${image.height} has ${image.width * image.height * 3} bytes, found ${image.data.length}.`,
    );
  }
  const { a, b, x0, y0 } = transform;
  const square = a * a + b * b;
  if (!(square > 0) || ![square, x0, y0].every(Number.isFinite)) {
    throw new AlignmentError(
      'invalid-option',
      `A similarity must have a scale and a shift, found ${Math.sqrt(square)} and (${x0}, ${y0}).`,
    );
  }
  if (![width, height].every((side) => Number.isInteger(side) && side > 0)) {
    throw new AlignmentError(
      'invalid-option',
      `The size of the result must be whole numbers of pixels from 1 on, found ${width}x${height}.`,
    );
  }
  const samples = antialias ? Math.min(MOST_SAMPLES, Math.max(1, Math.round(1 / Math.sqrt(square)))) : 1;
  const offsets = Array.from({ length: samples }, (_, i) => (i + 0.5) / samples - 0.5);
  const data = new Uint8Array(width * height * 3);
  const sum = new Float64Array(3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      sum.fill(0);
      for (const dy of offsets) {
        for (const dx of offsets) {
          const [u, v] = [x + dx - x0, y + dy - y0];
          addSample(sum, image, (a * u + b * v) / square, (a * v - b * u) / square);
        }
      }
      const at = 3 * (y * width + x);
      for (let c = 0; c < 3; c++) data[at + c] = Math.round(sum[c]! / samples ** 2);
    }
  }
  return { width, height, data };
}

/** Adds what an image shows between its pixels. */
function addSample(sum: Float64Array, { width, height, data }: RgbImage, x: number, y: number): void {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, low] = [x - left, y - top];
  for (let dy = 0; dy <= 1; dy++) {
    const row = top + dy;
    if (row < 0 || row >= height) continue;
    for (let dx = 0; dx <= 1; dx++) {
      const column = left + dx;
      if (column < 0 || column >= width) continue;
      const weight = (dx === 1 ? right : 1 - right) * (dy === 1 ? low : 1 - low);
      const at = 3 * (row * width + column);
      for (let c = 0; c < 3; c++) sum[c]! += weight * data[at + c]!;
    }
  }
}
