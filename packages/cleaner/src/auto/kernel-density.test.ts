import { expect, it } from 'vitest';
import { GRID, gridIndex, gridPoints, kernelDensity } from './kernel-density.ts';

it('is a normal density around one point', () => {
  const density = kernelDensity(Int32Array.of(gridIndex(3)), Float64Array.of(1));
  for (const s of [3, 2.5, 4, 1.5]) {
    const expected = Math.exp(-((s - 3) ** 2) / (2 * 0.25)) / Math.sqrt(2 * Math.PI * 0.25);
    expect(density[gridIndex(s)]).toBeCloseTo(expected, 3);
  }
  expect(density.reduce((a, b) => a + b) * GRID.step).toBeCloseTo(1, 12);
});

it('weighs points and takes those beyond the grid as its ends', () => {
  expect([gridIndex(-1e9), gridIndex(1e9)]).toEqual([0, GRID.length - 1]);
  expect(gridPoints[gridIndex(7.02)]).toBeCloseTo(7, 9);
  const density = kernelDensity(Int32Array.of(200, 600), Float64Array.of(3, 1));
  expect(density[200]! / density[600]!).toBeCloseTo(3, 9);
});
