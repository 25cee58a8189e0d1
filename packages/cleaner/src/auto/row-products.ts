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
