/**
 * Inner products of one vector with many rows: the inner loop of the automatic rule. Four rows at a time, so that each
 * coordinate of the vector is read once for four products; float64 throughout, which JavaScript computes without
 * conversions.
 *
 * @param rows At least `(from + count) * vector.length` numbers, row after row.
 * @param into Receives `count` products, of rows `from` to `from + count - 1`.
 */
export function productsWithRows(
  vector: Float64Array,
  rows: Float64Array,
  from: number,
  count: number,
  into: Float64Array,
): void {
  const dimensions = vector.length;
  let done = 0;
  for (; done + 3 < count; done += 4) {
    const first = (from + done) * dimensions;
    const second = first + dimensions;
    const third = second + dimensions;
    const fourth = third + dimensions;
    let a = 0;
    let b = 0;
    let c = 0;
    let e = 0;
    for (let d = 0; d < dimensions; d++) {
      const x = vector[d]!;
      a += x * rows[first + d]!;
      b += x * rows[second + d]!;
      c += x * rows[third + d]!;
      e += x * rows[fourth + d]!;
    }
    into[done] = a;
    into[done + 1] = b;
    into[done + 2] = c;
    into[done + 3] = e;
  }
  for (; done < count; done++) {
    const row = (from + done) * dimensions;
    let sum = 0;
    for (let d = 0; d < dimensions; d++) sum += vector[d]! * rows[row + d]!;
    into[done] = sum;
  }
}

/**
 * The same with a lower triangular matrix, of which half is zeros that need not be looked at.
 *
 * @param matrix [D, D], row after row, zero above the diagonal.
 * @param into Receives D products.
 */
export function productsWithLowerTriangle(
  vector: Float64Array,
  matrix: Float64Array,
  into: Float64Array,
): void {
  const dimensions = vector.length;
  let row = 0;
  for (; row + 3 < dimensions; row += 4) {
    const first = row * dimensions;
    const second = first + dimensions;
    const third = second + dimensions;
    const fourth = third + dimensions;
    let a = 0;
    let b = 0;
    let c = 0;
    let e = 0;
    for (let d = 0; d < row + 4; d++) {
      const x = vector[d]!;
      a += x * matrix[first + d]!;
      b += x * matrix[second + d]!;
      c += x * matrix[third + d]!;
      e += x * matrix[fourth + d]!;
    }
    into[row] = a;
    into[row + 1] = b;
    into[row + 2] = c;
    into[row + 3] = e;
  }
  for (; row < dimensions; row++) {
    const start = row * dimensions;
    let sum = 0;
    for (let d = 0; d <= row; d++) sum += vector[d]! * matrix[start + d]!;
    into[row] = sum;
  }
}

/** Vectors that `productsOfFour` takes. */
export const FOUR = 4;

/**
 * Inner products of four vectors with many rows, each summed as `productsWithRows` does, to the same bits. Rows are gone through once for all
 * four: there are more of them than a cache has room for.
 *
 * @param vectors [4, D], one after the other.
 * @param rows [count, D].
 * @param into Receives the products: [4, count].
 */
export function productsOfFour(
  vectors: Float64Array,
  rows: Float64Array,
  count: number,
  into: Float64Array,
): void {
  const dimensions = vectors.length / FOUR;
  const [second, third, fourth] = [dimensions, 2 * dimensions, 3 * dimensions];
  let row = 0;
  for (; row + 1 < count; row += 2) {
    const one = row * dimensions;
    const other = one + dimensions;
    let a = 0;
    let b = 0;
    let c = 0;
    let e = 0;
    let f = 0;
    let g = 0;
    let h = 0;
    let i = 0;
    for (let d = 0; d < dimensions; d++) {
      const x = rows[one + d]!;
      const y = rows[other + d]!;
      const p = vectors[d]!;
      const q = vectors[second + d]!;
      const r = vectors[third + d]!;
      const s = vectors[fourth + d]!;
      a += p * x;
      b += q * x;
      c += r * x;
      e += s * x;
      f += p * y;
      g += q * y;
      h += r * y;
      i += s * y;
    }
    into[row] = a;
    into[count + row] = b;
    into[2 * count + row] = c;
    into[3 * count + row] = e;
    into[row + 1] = f;
    into[count + row + 1] = g;
    into[2 * count + row + 1] = h;
    into[3 * count + row + 1] = i;
  }
  for (; row < count; row++) {
    for (let vector = 0; vector < FOUR; vector++) {
      let sum = 0;
      for (let d = 0; d < dimensions; d++)
        sum += vectors[vector * dimensions + d]! * rows[row * dimensions + d]!;
      into[vector * count + row] = sum;
    }
  }
}
