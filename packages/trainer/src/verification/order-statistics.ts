/**
 * Where the smallest, the tenth smallest, ... of a bootstrap sample come from, without drawing the sample: of n values in ascending order, n
 * draws with replacement take value floor(n * U), and the k-th smallest of n uniform numbers U has a beta distribution. So a sample of
 * millions costs as much as one of ten.
 */
import type { Random } from '../random.ts';

/**
 * Draws the places of some order statistics of one bootstrap sample, jointly.
 *
 * @param ranks ascending, from 0, below n; may repeat
 * @param n how many values there are, and how many are drawn
 * @returns places among the values in ascending order, one a rank
 */
export function drawPlaces(ranks: readonly number[], n: number, random: Random): number[] {
  // Of n uniform numbers the smallest so many, the largest of which is `reached`.
  let passed = 0;
  let reached = 0;
  return ranks.map((rank) => {
    const steps = rank + 1 - passed;
    // Those that are left lie evenly between it and 1.
    if (steps > 0) reached += (1 - reached) * beta(steps, n - rank, random);
    passed = rank + 1;
    return Math.min(n - 1, Math.floor(n * reached));
  });
}

/** A draw from the beta distribution of two whole numbers. */
function beta(a: number, b: number, random: Random): number {
  const x = gamma(a, random);
  return x / (x + gamma(b, random));
}

/** A draw from the gamma distribution of a shape of at least 1 (Marsaglia and Tsang, 2000). */
function gamma(shape: number, random: Random): number {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const normal = Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
    const cube = (1 + c * normal) ** 3;
    if (cube <= 0) continue;
    if (Math.log(1 - random.float()) < (normal * normal) / 2 + d - d * cube + d * Math.log(cube))
      return d * cube;
  }
}
