import { expect, test } from 'vitest';
import { rocPoints } from './verification-report.ts';

test('the ROC curve begins where its axis does, rises to its end, and has no more points than can be seen', () => {
  expect(rocPoints([0.1, 0.2, 1], [true, false, true], 1e-4)).toEqual([
    [1e-4, 0.5],
    [1, 0.5],
    [1, 1],
  ]);
  // Told apart without an error: all there is of the curve is a line along the top.
  expect(rocPoints([0.1, 1], [true, false], 1e-4)).toEqual([
    [1e-4, 1],
    [1, 1],
  ]);
  // Pairs at the same distance are accepted together.
  expect(rocPoints([1, 1, 1], [true, false, true], 1e-4)).toEqual([
    [1e-4, 0],
    [1, 1],
  ]);
  const pairs = 200_000;
  const distances = Float64Array.from({ length: pairs }, (_, i) => ((i * 7919) % pairs) / pairs);
  const many = rocPoints(
    distances,
    Array.from(distances, (distance, i) => (i % 2 === 0 ? distance < 0.6 : distance < 0.1)),
    1e-4,
  );
  expect(many.length).toBeLessThan(6000);
  expect(many.at(-1)).toEqual([1, 1]);
  for (let i = 1; i < many.length; i++) {
    expect(many[i]![0]).toBeGreaterThanOrEqual(many[i - 1]![0]);
    expect(many[i]![1]).toBeGreaterThanOrEqual(many[i - 1]![1]);
  }
});
