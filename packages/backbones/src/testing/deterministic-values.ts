/**
 * The weights and images under which the reference's outputs were recorded: a hash of the parameter's name, counted up
 * and mixed. See the README of the oracle.
 */
import type { ParameterKind } from '../layers/layer.ts';
import { elementCount } from '../named-array.ts';

const GOLDEN = 0x9e3779b9;

/** The integer stream of a key. */
function stream(key: string): (index: number) => number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(key)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return (index) => {
    let x = (hash + Math.imul(index + 1, GOLDEN)) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return (x ^ (x >>> 16)) >>> 0;
  };
}

export function uniformValues(key: string, count: number, low: number, high: number): Float32Array {
  const bits = stream(key);
  return Float32Array.from({ length: count }, (_, i) => low + (high - low) * (bits(i) / 2 ** 32));
}

/** Values in the reference's layout. */
export function parameterValues(
  { name, kind, shape }: { name: string; kind: ParameterKind; shape: readonly number[] },
  gain: number,
): Float32Array {
  const fanIn = elementCount(shape.slice(1));
  const bound = Math.sqrt((3 * gain) / fanIn);
  const [low, high] = {
    weight: [-bound, bound],
    gamma: [0.9, 1.1],
    variance: [0.9, 1.1],
    slope: [0.2, 0.3],
    beta: [-0.1, 0.1],
    bias: [-0.1, 0.1],
    mean: [-0.1, 0.1],
  }[kind] as [number, number];
  return uniformValues(`0:${name}`, elementCount(shape), low, high);
}

/** Images number 0, 1, ... as one batch, `[count, height, width, 3]`, values 0..255. */
export function deterministicImages(count: number, height = 112, width = height): Int32Array {
  const pixels = new Int32Array(count * height * width * 3);
  for (let image = 0; image < count; image++) {
    const bits = stream(`0:image:${image}`);
    for (let channel = 0; channel < 3; channel++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const noise = bits((channel * height + y) * width + x) >>> 24;
          const ramp = (x * (2 + image) + y * (3 + channel) + 40 * channel * (image + 1)) % 256;
          pixels[((image * height + y) * width + x) * 3 + channel] = (noise + 3 * ramp) >> 2;
        }
      }
    }
  }
  return pixels;
}
