/**
 * How many of `cases` may be wrong at a rate: the largest count whose share is no larger. The product of the two can round to either side
 * of it: .57 of 100 is 56.99999999999999.
 */
export function allowedCount(rate: number, cases: number): number {
  const count = Math.round(rate * cases);
  return count / cases <= rate ? count : count - 1;
}
