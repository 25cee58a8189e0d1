import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inverseCholesky } from './inverse-cholesky.ts';

it('inverts the factor of a matrix worked out by hand', () => {
  // L = [[2, 0, 0], [1, 3, 0], [-1, 2, 4]], and A = L Lᵀ.
  const inverse = inverseCholesky(Float64Array.of(4, 2, -2, 2, 10, 5, -2, 5, 21), 3);
  expect([...inverse]).toEqual(
    [1 / 2, 0, 0, -1 / 6, 1 / 3, 0, 5 / 24, -1 / 6, 1 / 4].map((value) => expect.closeTo(value, 14)),
  );
});

it('turns any positive definite matrix into the identity, and reads its lower triangle only', () => {
  const entry = fc.double({ min: -3, max: 3, noNaN: true });
  const square = fc
    .integer({ min: 1, max: 7 })
    .chain((size) => fc.array(entry, { minLength: size * size, maxLength: size * size }));
  fc.assert(
    fc.property(square, (root) => {
      const size = Math.sqrt(root.length);
      const at = (m: ArrayLike<number>, row: number, column: number) => m[row * size + column]!;
      const sum = (of: (k: number) => number) =>
        Array.from({ length: size }, (_, k) => of(k)).reduce((a, b) => a + b, 0);
      const full = Float64Array.from({ length: size * size }, (_, i) => {
        const [row, column] = [Math.floor(i / size), i % size];
        return sum((k) => at(root, row, k) * at(root, column, k)) + (row === column ? 0.5 : 0);
      });
      const lower = full.map((value, i) => (i % size > Math.floor(i / size) ? Number.NaN : value));
      const inverse = inverseCholesky(lower, size);
      const turned = Float64Array.from({ length: size * size }, (_, i) =>
        sum((k) => at(inverse, Math.floor(i / size), k) * at(full, k, i % size)),
      );
      for (let row = 0; row < size; row++) {
        for (let column = 0; column < size; column++) {
          if (column > row) expect(at(inverse, row, column)).toBe(0);
          const value = sum((k) => at(turned, row, k) * at(inverse, column, k));
          expect(value).toBeCloseTo(row === column ? 1 : 0, 7);
        }
      }
    }),
  );
});
