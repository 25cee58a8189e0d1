import fc from 'fast-check';
import { expect, test } from 'vitest';
import { productsOfFour, productsWithLowerTriangle, productsWithRows } from './row-products.ts';

/** Numbers whose products and sums are exact, so that any order of summing gives the same. */
const whole = fc.integer({ min: -1000, max: 1000 });

test('products with rows are those of the definition, wherever the rows begin and however many they are', () => {
  fc.assert(
    fc.property(
      fc.nat(9).chain((dimensions) =>
        fc.record({
          vector: fc.array(whole, { minLength: dimensions + 1, maxLength: dimensions + 1 }),
          rows: fc.array(fc.array(whole, { minLength: dimensions + 1, maxLength: dimensions + 1 }), {
            minLength: 1,
            maxLength: 11,
          }),
        }),
      ),
      fc.nat(10),
      ({ vector, rows }, first) => {
        const from = Math.min(first, rows.length - 1);
        const count = rows.length - from;
        const into = new Float64Array(count + 1).fill(-1);
        productsWithRows(Float64Array.from(vector), Float64Array.from(rows.flat()), from, count, into);
        const expected = rows.slice(from).map((row) => row.reduce((sum, v, d) => sum + v * vector[d]!, 0));
        expect([...into]).toEqual([...expected, -1]);
      },
    ),
  );
});

test('a lower triangle gives the bits of the whole matrix', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 11 }),
      fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })),
      (vector, values) => {
        const size = vector.length;
        const matrix = Float64Array.from({ length: size * size }, (_, i) =>
          i % size <= Math.floor(i / size) ? values.next().value : 0,
        );
        const [half, all] = [new Float64Array(size), new Float64Array(size)];
        productsWithLowerTriangle(Float64Array.from(vector), matrix, half);
        productsWithRows(Float64Array.from(vector), matrix, 0, size, all);
        // Zeros may differ in their sign.
        expect(half.map((v) => v + 0)).toEqual(all.map((v) => v + 0));
      },
    ),
  );
});

test('four vectors at once give the bits of one after the other', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.nat(7),
      fc.infiniteStream(fc.double({ min: -1e3, max: 1e3, noNaN: true })),
      (dimensions, count, values) => {
        const drawn = (length: number) => Float64Array.from({ length }, () => values.next().value);
        const [vectors, rows] = [drawn(4 * dimensions), drawn(count * dimensions)];
        const [together, apart] = [new Float64Array(4 * count), new Float64Array(4 * count)];
        productsOfFour(vectors, rows, count, together);
        for (let v = 0; v < 4; v++) {
          const vector = vectors.subarray(v * dimensions, (v + 1) * dimensions);
          productsWithRows(vector, rows, 0, count, apart.subarray(v * count, (v + 1) * count));
        }
        expect(together).toEqual(apart);
      },
    ),
  );
});
