/** Where things are in an image: mirror, shift, crop. Images are RGB bytes, row-major height x width x 3, changed in place. */
import type { ImageSize } from './augmentation.ts';

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

/** Moves an image by whole pixels; the edges that come in repeat the border. */
export function shiftImage(
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

/** A part of an image, in pixels; fractions allowed. */
export interface CropWindow {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Scales a part of an image up to the whole size, with bilinear interpolation between pixel centres. */
export function cropImage(pixels: Uint8Array, { height, width }: ImageSize, window: CropWindow): void {
  const original = new Uint8Array(pixels);
  const columns = samples(width, window.left, window.width);
  const rows = samples(height, window.top, window.height);
  let to = 0;
  for (const row of rows) {
    const above = row.low * width;
    const below = row.high * width;
    for (const column of columns) {
      for (let c = 0; c < 3; c++) {
        const at = (pixel: number): number => original[pixel * 3 + c]!;
        const top =
          at(above + column.low) + (at(above + column.high) - at(above + column.low)) * column.share;
        const bottom =
          at(below + column.low) + (at(below + column.high) - at(below + column.low)) * column.share;
        pixels[to++] = Math.round(top + (bottom - top) * row.share);
      }
    }
  }
}

/** Between which two pixels of the original each pixel along an axis lies, and how far towards the second. */
function samples(
  length: number,
  start: number,
  extent: number,
): { readonly low: number; readonly high: number; readonly share: number }[] {
  return Array.from({ length }, (_, i) => {
    const place = Math.min(length - 1, Math.max(0, start + ((i + 0.5) * extent) / length - 0.5));
    const low = Math.floor(place);
    return { low, high: Math.min(length - 1, low + 1), share: place - low };
  });
}
