import fc from 'fast-check';
import { expect, it } from 'vitest';
import { medianInPlace, robustNormalInPlace } from './median.ts';

it('is the middle of the sorted values', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(0, 1, 2))), (values) => {
      const sorted = Float64Array.from(values).sort();
      const n = sorted.length;
      const expected =
        n === 0 ? Number.NaN : n % 2 ? sorted[n >> 1]! : (sorted[n / 2 - 1]! + sorted[n / 2]!) / 2;
      expect(medianInPlace(Float64Array.from(values)) + 0).toEqual(expected + 0);
    }),
  );
});

it('measures spread so that a few outliers do not matter', () => {
  const { median, deviation } = robustNormalInPlace(Float64Array.of(1, 2, 3, 4, 1000));
  expect(median).toBe(3);
  expect(deviation).toBeCloseTo(1.4826, 12);
});
