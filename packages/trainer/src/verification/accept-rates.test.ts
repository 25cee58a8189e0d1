import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random } from '../random.ts';
import { acceptRates } from './accept-rates.ts';

const same = (n: number) => Array.from({ length: n }, () => true);
const different = (n: number) => Array.from({ length: n }, () => false);

test('counts what is nearer than all but the allowed pairs of different people', () => {
  const distances = [0.1, 0.2, 0.5, 0.9, 0.3, 0.6, 0.7, 1];
  const isSame = [...same(4), ...different(4)];
  const [none, one] = acceptRates(distances, isSame, { fars: [0.1, 0.25], resamples: 0 });
  expect(none).toMatchObject({ falseAccepts: 0, threshold: 0.3, tar: 0.5 });
  expect(one).toMatchObject({ falseAccepts: 1, threshold: 0.6, tar: 0.75 });
});

test('the rate asked for is never exceeded, and no larger threshold keeps to it', () => {
  const distance = fc.integer({ min: 0, max: 20 }).map((x) => x / 10);
  fc.assert(
    fc.property(
      fc.array(distance, { minLength: 1 }),
      fc.array(distance, { minLength: 1 }),
      fc.double({ min: 0.001, max: 0.9, noNaN: true }),
      (own, other, far) => {
        const [rate] = acceptRates([...own, ...other], [...same(own.length), ...different(other.length)], {
          fars: [far],
          resamples: 0,
        });
        const accepted = (threshold: number) => other.filter((x) => x < threshold).length / other.length;
        expect(accepted(rate!.threshold)).toBeLessThanOrEqual(far);
        expect(accepted(rate!.threshold + 0.05)).toBeGreaterThan(far);
        expect(rate!.tar).toBe(own.filter((x) => x < rate!.threshold).length / own.length);
      },
    ),
  );
});

test.each([
  [0.57, 100, 57],
  [0.8999999999999999, 10, 8],
  [0.9, 10, 9],
  [1 - Number.EPSILON / 2, 10, 9],
  [1e-4, 10_000, 1],
  [1e-4, 9999, 0],
])('a rate of %d of %i pairs allows %i', (far, pairs, falseAccepts) => {
  const distances = Array.from({ length: pairs + 1 }, (_, i) => i);
  const [rate] = acceptRates(distances, [...same(1), ...different(pairs)], { fars: [far], resamples: 0 });
  expect(rate).toMatchObject({ falseAccepts, threshold: 1 + falseAccepts });
});

/** Gaussian distances, by Box and Muller. */
function gaussian(n: number, mean: number, random: Random): number[] {
  return Array.from(
    { length: n },
    () => mean + Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float()),
  );
}

test('the interval holds the true rate about as often as it says', () => {
  // d' = 2, rate at FAR .1: Phi(2 - 1.2816) = .7637.
  let inside = 0;
  const rounds = 120;
  for (let round = 0; round < rounds; round++) {
    const random = Random.of(round, 'interval');
    const distances = [...gaussian(150, -2, random), ...gaussian(150, 0, random)];
    const [rate] = acceptRates(distances, [...same(150), ...different(150)], {
      fars: [0.1],
      resamples: 200,
      confidence: 0.9,
      seed: round,
    });
    if (rate!.low <= 0.7637 && 0.7637 <= rate!.high) inside++;
  }
  expect(inside / rounds).toBeGreaterThan(0.82);
  expect(inside / rounds).toBeLessThan(0.97);
});

test('the same seed gives the same interval', () => {
  const random = Random.of(1);
  const distances = [...gaussian(40, -1, random), ...gaussian(40, 0, random)];
  const isSame = [...same(40), ...different(40)];
  expect(acceptRates(distances, isSame, { seed: 3, resamples: 50 })).toEqual(
    acceptRates(distances, isSame, { seed: 3, resamples: 50 }),
  );
});

test.each([
  ['no pair', [], [], {}, 'invalid-pairs'],
  ['one kind only', [0.1, 0.2], [true, true], {}, 'invalid-pairs'],
  ['not a number', [0.1, Number.NaN], [true, false], {}, 'invalid-pairs'],
  ['a rate of 0', [0.1, 0.2], [true, false], { fars: [0] }, 'invalid-option'],
  ['a confidence of 1', [0.1, 0.2], [true, false], { confidence: 1 }, 'invalid-option'],
  ['half a sample', [0.1, 0.2], [true, false], { resamples: 0.5 }, 'invalid-option'],
] as const)('refuses %s', (_name, distances, isSame, options, code) => {
  expect(() => acceptRates(distances, isSame, options)).toThrow(expect.objectContaining({ code }));
});
