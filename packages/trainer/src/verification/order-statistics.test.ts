import { expect, test } from 'vitest';
import { Random } from '../random.ts';
import { drawPlaces } from './order-statistics.ts';

/** The same by definition. */
function placesOfSample(ranks: readonly number[], n: number, random: Random): number[] {
  const sample = Array.from({ length: n }, () => random.integer(n)).sort((a, b) => a - b);
  return ranks.map((rank) => sample[rank]!);
}

test.each([
  [1, [0]],
  [7, [0, 3, 3, 6]],
  [40, [0, 1, 20, 39]],
])('of %i values, ranks %j come from where those of a sample do', (n, ranks) => {
  const ROUNDS = 1000;
  const drawn = Array.from({ length: ROUNDS }, (_, i) => drawPlaces(ranks, n, Random.of(i, 'drawn')));
  const sampled = Array.from({ length: ROUNDS }, (_, i) => placesOfSample(ranks, n, Random.of(i, 'sample')));
  for (const places of drawn) {
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places.every((place) => Number.isInteger(place) && place >= 0 && place < n)).toBe(true);
  }
  // Distribution functions of each rank, and of the distance between neighbours, to five deviations of their difference.
  const limit = 5 * Math.sqrt(0.5 / ROUNDS);
  const compare = (of: (places: number[]) => number): void => {
    for (let place = 0; place < n; place++) {
      const share = (all: number[][]): number => all.filter((places) => of(places) <= place).length / ROUNDS;
      expect(Math.abs(share(drawn) - share(sampled))).toBeLessThan(limit);
    }
  };
  for (let i = 0; i < ranks.length; i++) {
    compare((places) => places[i]!);
    if (i > 0) compare((places) => places[i]! - places[i - 1]!);
  }
});

test('of millions of values it takes no longer', () => {
  const [low, high] = drawPlaces([15, 1_565_000], 15_650_000, Random.of(1));
  expect(low).toBeLessThan(60);
  expect(high! / 1_565_000).toBeCloseTo(1, 2);
});
