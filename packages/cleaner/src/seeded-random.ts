/*
 * Random numbers that a seed makes repeatable on every platform (sfc32, Chris Doty-Humphrey).
 */

export interface SeededRandom {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform among 0..below-1. */
  integer(below: number): number;
  /** A random order of 0..length-1. */
  permutation(length: number): Int32Array;
}

export function seededRandom(seed: number): SeededRandom {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;
  const bits = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 16; i++) bits();
  const uniform = (): number => bits() / 2 ** 32;
  const integer = (below: number): number => Math.floor(uniform() * below);
  return {
    uniform,
    integer,
    permutation(length) {
      const order = Int32Array.from({ length }, (_, i) => i);
      for (let i = length - 1; i > 0; i--) {
        const j = integer(i + 1);
        const swapped = order[i]!;
        order[i] = order[j]!;
        order[j] = swapped;
      }
      return order;
    },
  };
}
