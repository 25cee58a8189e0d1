/** Turns RGB bytes into what a model wants to be fed: axes, colours, numbers. */
import { float32ToFloat16 } from '../half-float.ts';
import type { PixelType } from './image-input.ts';
import type { OnnxInputConvention } from './input-convention.ts';

/**
 * @param pixels RGB bytes `[batch, height, width, 3]`
 * @param area height times width
 * @returns the values of the model's input, row-major in its layout; half floats as their bits
 */
export function inputPixels(
  pixels: Uint8Array,
  area: number,
  convention: OnnxInputConvention,
  elementType: PixelType,
): Float32Array | Uint16Array | Uint8Array {
  const { layout, channels } = convention;
  const tables = convention.mean.map((mean, c) => valueTable(mean, convention.std[c]!, elementType));
  const images = pixels.length / (3 * area);
  const result = arrayFor(elementType, pixels.length);
  for (let image = 0; image < images; image++) {
    const start = 3 * area * image;
    for (let c = 0; c < 3; c++) {
      const table = tables[c]!;
      const colour = channels === 'RGB' ? c : 2 - c;
      const [first, step] = layout === 'NCHW' ? [start + c * area, 1] : [start + c, 3];
      for (let i = 0; i < area; i++) result[first + step * i] = table[pixels[start + 3 * i + colour]!]!;
    }
  }
  return result;
}

/** Every value that a pixel of one channel can become. */
function valueTable(mean: number, std: number, elementType: PixelType): ArrayLike<number> {
  const values = Float32Array.from({ length: 256 }, (_, p) => (p - mean) / std);
  return elementType === 'float16' ? float32ToFloat16(values) : values;
}

function arrayFor(elementType: PixelType, length: number): Float32Array | Uint16Array | Uint8Array {
  if (elementType === 'float32') return new Float32Array(length);
  return elementType === 'float16' ? new Uint16Array(length) : new Uint8Array(length);
}
