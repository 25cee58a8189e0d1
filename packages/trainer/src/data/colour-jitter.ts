/** Light and colour of an image. Images are RGB bytes, row-major height x width x 3, changed in place. */
import type { Random } from '../random.ts';
import type { AugmentationOptions } from './augmentation.ts';

/**
 * Brightness, contrast and saturation in random order. Each is an affine map of a value and its pixel's grey, so all
 * three together are one: `scale * value + greyScale * grey + offset`, worked out first and applied in a single pass.
 */
export function jitterColour(
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
