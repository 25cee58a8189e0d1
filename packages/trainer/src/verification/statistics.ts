/**
 * Sums, means and deviations with the additions in the order in which numpy makes them. Results can then be compared
 * with those of the reference to the last digit instead of to a tolerance, and pairwise summation is more exact anyway.
 */

/** Sum of float64 values as `numpy.sum` over contiguous memory: eight interleaved sums, halves above 128 values. */
export function pairwiseSum(values: ArrayLike<number>, start = 0, end = values.length): number {
  const count = end - start;
  if (count < 8) {
    let sum = 0;
    for (let i = start; i < end; i++) sum += values[i]!;
    return sum;
  }
  if (count > 128) {
    const half = count >> 1;
    const middle = start + half - (half % 8);
    return pairwiseSum(values, start, middle) + pairwiseSum(values, middle, end);
  }
  const r = Array.from({ length: 8 }, (_, j) => values[start + j]!);
  const whole = start + count - (count % 8);
  for (let i = start + 8; i < whole; i += 8) for (let j = 0; j < 8; j++) r[j]! += values[i + j]!;
  let sum = r[0]! + r[1]! + (r[2]! + r[3]!) + (r[4]! + r[5]! + (r[6]! + r[7]!));
  for (let i = whole; i < end; i++) sum += values[i]!;
  return sum;
}

/** Arithmetic mean; NaN for no value. */
export function mean(values: ArrayLike<number>): number {
  return pairwiseSum(values) / values.length;
}

/** Population standard deviation (divided by n, as `numpy.std`); NaN for no value. */
export function standardDeviation(values: ArrayLike<number>): number {
  const centre = mean(values);
  const squares = Float64Array.from(values, (value) => (value - centre) * (value - centre));
  return Math.sqrt(mean(squares));
}
