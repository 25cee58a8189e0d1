/**
 * A pseudo-random order that is the same everywhere for the same seed: xoshiro128** (Blackman and Vigna, 2018), its
 * state filled from the seed by SplitMix32's finaliser, and the Fisher-Yates shuffle.
 */

/** Numbers of 32 random bits. */
export interface RandomBits {
  next(): number;
}

/** xoshiro128** from a state of four words, not all zero. */
export function xoshiro128(state: readonly [number, number, number, number]): RandomBits {
  let [a, b, c, d] = state;
  return {
    next() {
      const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
      const shifted = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= shifted;
      d = rotateLeft(d, 11);
      return result;
    },
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function seeded(seed: number): RandomBits {
  // Both halves of a large seed count.
  let state = (Math.imul(Math.floor(seed / 2 ** 32), 0x85ebca6b) ^ seed) | 0;
  const word = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
  return xoshiro128([word(), word(), word(), word() | 1]);
}

/**
 * The numbers 0 to length - 1 in an order that depends on nothing but length and seed, every order as likely as any
 * other (as far as 2^32 seeds go). Four bytes a position, so also for datasets far larger than memory.
 */
export function shuffledPositions(length: number, seed: number): Int32Array {
  if (!Number.isSafeInteger(seed)) {
    throw new RangeError(`A seed must be a whole number below 2^53, not ${seed}`);
  }
  const positions = Int32Array.from({ length }, (_, position) => position);
  const random = seeded(seed);
  for (let last = length - 1; last > 0; last--) {
    const chosen = below(random, last + 1);
    const position = positions[chosen]!;
    positions[chosen] = positions[last]!;
    positions[last] = position;
  }
  return positions;
}

/** A number from 0 to limit - 1 without bias: numbers of just enough bits are drawn until one fits. */
function below(random: RandomBits, limit: number): number {
  const shift = Math.clz32(limit - 1);
  for (;;) {
    const value = shift === 32 ? 0 : random.next() >>> shift;
    if (value < limit) {
      return value;
    }
  }
}
