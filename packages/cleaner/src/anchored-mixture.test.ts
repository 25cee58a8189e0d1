import { expect, it } from 'vitest';
import { strangersByAnchoredMixture } from './anchored-mixture.ts';
import { seededRandom } from './seeded-random.ts';

const N = 400;

/** Images of the person lie around .75, with a tail of those that are hard to learn; strangers around 0, early in the run. */
function history(seed: number, { tail, strangers }: { readonly tail: number; readonly strangers: number }) {
  const random = seededRandom(seed);
  const isStranger = Array.from({ length: N }, (_, i) => i < strangers);
  const late = isStranger.map((is) =>
    is ? 0.4 + 0.1 * random.uniform() : 0.75 + tail * Math.log(1 - random.uniform()),
  );
  const early = late.map((level, i) => (isStranger[i] ? 0.1 : 0.7) * level + 0.05 * random.uniform());
  return strangersByAnchoredMixture(Float64Array.from(early), Float64Array.from(late));
}

it.each([6, 7, 8])('takes the tail of images that are hard to learn for no strangers (seed %i)', (seed) => {
  for (const tail of [0.05, 0.1, 0.15]) {
    expect(history(seed, { tail, strangers: 0 }).every((p) => p === 0)).toBe(true);
  }
});

it.each([8, 40, 160])('finds %i strangers of 400 beside a tail', (strangers) => {
  const p = history(6, { tail: 0.1, strangers });
  expect(p.subarray(0, strangers).filter((value) => value > 0.5).length).toBe(strangers);
  expect(p.subarray(strangers).filter((value) => value > 0.5).length).toBeLessThan(0.03 * N);
});
