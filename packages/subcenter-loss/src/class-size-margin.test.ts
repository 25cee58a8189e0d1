import { expect, it } from 'vitest';
import { classSizeMargins } from './class-size-margin.ts';

it("gives the paper's margins by default: .5 n^-1/4 + .05", () => {
  const margins = classSizeMargins([1, 16, 10_000]);
  for (const [i, expected] of [0.55, 0.3, 0.1].entries()) expect(margins[i]).toBeCloseTo(expected, 6);
});

it('takes other numbers, and a class without images as one with one', () => {
  const margins = classSizeMargins([0, 4], { a: 1, b: 0, lambda: 0.5 });
  expect([...margins]).toEqual([1, 0.5]);
});

it('refuses what is not a count or a number', () => {
  expect(() => classSizeMargins([1, -1])).toThrow(/class 1 must be at least 0, found -1/);
  expect(() => classSizeMargins([1], { lambda: Number.NaN })).toThrow(/lambda must be a finite number/);
});
