/*
 * Initial sub-centres: Normal(0, .01), as the reference starts them. Drawn on the host by a small seeded generator (sfc32
 * and the Box-Muller transform), so that a seed gives the same head on every backend.
 */

/** Standard deviation of the initial weights, the reference's. */
export const INITIAL_DEVIATION = 0.01;

/** @returns `length` draws from Normal(0, deviation), the same for the same seed everywhere. */
export function normalWeights(
  length: number,
  seed: number,
  deviation: number = INITIAL_DEVIATION,
): Float32Array {
  const uniform = sfc32(seed);
  const weights = new Float32Array(length);
  for (let i = 0; i < length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    weights[i] = radius * Math.cos(angle);
    if (i + 1 < length) weights[i + 1] = radius * Math.sin(angle);
  }
  return weights;
}

/** Chris Doty-Humphrey's "small fast chaotic" generator: uniform numbers in [0, 1). */
function sfc32(seed: number): () => number {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}
