import { expect, test } from 'vitest';
import { identify } from './identification.ts';

const direction = (degrees: number) => [
  Math.cos((degrees * Math.PI) / 180) * 5,
  Math.sin((degrees * Math.PI) / 180) * 5,
];
const rows = (...degrees: number[]) => Float32Array.from(degrees.flatMap(direction));

const gallery = { embeddings: rows(0, 90, 100, 180), labels: [10, 20, 20, 30] };

test('counts ranks by identities, not by rows', () => {
  const probes = { embeddings: rows(5, 40, 97, 141), labels: [10, 20, 20, 20] };
  const result = identify({ dimensions: 2, gallery, probes, ranks: [1, 2] });
  // 40 degrees: 10 is nearer than 20, and at 141 it is 30.
  expect(result).toMatchObject({ mated: 4, nonMated: 0, openSet: [] });
  expect(result.ranks).toEqual([
    { rank: 1, rate: 0.5 },
    { rank: 2, rate: 1 },
  ]);
});

test('does not recognise who is exactly as near as somebody else', () => {
  const twins = { embeddings: rows(0, 0), labels: [1, 2] };
  const { ranks } = identify({ dimensions: 2, gallery: twins, probes: twins, ranks: [1, 2] });
  expect(ranks.map(({ rate }) => rate)).toEqual([0, 1]);
});

test('names as many of the known as the unknown allow', () => {
  const probes = { embeddings: rows(1, 60, 170, 45, 230), labels: [10, 20, 30, 99, 98] };
  const { openSet, nonMated } = identify({ dimensions: 2, gallery, probes, fpirs: [0.1, 0.5] });
  expect(nonMated).toBe(2);
  // Unknown probes come to within 45 and 50 degrees of somebody. Allowing neither: above cos 45; allowing one: above cos 50.
  expect(openSet[0]!.threshold).toBeCloseTo(Math.SQRT1_2, 5);
  expect(openSet.map(({ tpir }) => tpir)).toEqual([1, 1]);
  const strict = identify({
    dimensions: 2,
    gallery,
    probes: { embeddings: rows(1, 40, 3), labels: [10, 20, 99] },
    fpirs: [0.1],
  });
  // The unknown one is 3 degrees from somebody; only the probe at 1 degree is nearer and right.
  expect(strict.openSet[0]!.tpir).toBe(0.5);
});

test('allows as many of the unknown as are no larger share, however the product rounds', () => {
  const degrees = Array.from({ length: 100 }, (_, i) => i / 2);
  const { openSet } = identify({
    dimensions: 2,
    gallery: { embeddings: rows(0), labels: [1] },
    probes: { embeddings: rows(0, ...degrees), labels: [1, ...degrees.map(() => 2)] },
    fpirs: [0, 0.57, 1],
  });
  // 57 of 100 are nearer than the one at 28.5 degrees.
  expect(openSet[0]!.threshold).toBeCloseTo(1, 6);
  expect(openSet[1]!.threshold).toBeCloseTo(Math.cos((28.5 * Math.PI) / 180), 6);
  expect(openSet[2]!.threshold).toBe(-1);
  expect(openSet.map(({ tpir }) => tpir)).toEqual([0, 1, 1]);
});

test.each([
  ['a rank of 0', { ranks: [0] }, /a rank must be a whole number of at least 1, got 0/],
  ['a rank of none', { ranks: [Number.NaN] }, /a rank must be/],
  ['a rate below 0', { fpirs: [-0.1] }, /a false-positive rate must be from 0 to 1, got -0.1/],
  ['no dimensions', { dimensions: 0 }, /dimensions must be/],
])('refuses %s', (_name, wrong, message) => {
  const sets = { dimensions: 2, gallery, probes: gallery };
  const act = () => identify({ ...sets, ...wrong });
  expect(act).toThrow(expect.objectContaining({ code: 'invalid-option' }));
  expect(act).toThrow(message);
});

test.each([
  ['no gallery', { gallery: { embeddings: new Float32Array(0), labels: [] }, probes: gallery }, /gallery/],
  ['nobody known', { gallery, probes: { embeddings: rows(1), labels: [1] } }, /No probe/],
  [
    'a row that is not finite',
    { gallery, probes: { embeddings: Float32Array.of(1, Number.NaN), labels: [10] } },
    /Row 0 of the probes/,
  ],
])('refuses %s', (_name, sets, message) => {
  expect(() => identify({ dimensions: 2, ...sets })).toThrow(message);
});
