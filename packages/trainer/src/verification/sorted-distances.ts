/** Distances of pairs by kind, each ascending: what every count of accepted pairs is a binary search in. */
import { TrainingError } from '../training-error.ts';

export interface SortedDistances {
  readonly same: Float64Array;
  readonly different: Float64Array;
}

/**
 * The distances of all pairs, by kind.
 *
 * @throws {TrainingError} `invalid-pairs` when sizes disagree, a distance is not finite, or one kind is missing
 */
export function sortedDistances(
  distances: ArrayLike<number>,
  isSame: ArrayLike<boolean | number>,
): SortedDistances {
  checkDistances(distances, isSame);
  return sortedDistancesWithin(distances, isSame, 0, distances.length);
}

/** As {@link sortedDistances}, for the pairs from `start` to before `end`, which were checked already. */
export function sortedDistancesWithin(
  distances: ArrayLike<number>,
  isSame: ArrayLike<boolean | number>,
  start: number,
  end: number,
): SortedDistances {
  const same: number[] = [];
  const different: number[] = [];
  for (let i = start; i < end; i++) (isSame[i] ? same : different).push(distances[i]!);
  return { same: Float64Array.from(same).sort(), different: Float64Array.from(different).sort() };
}

/** @throws {TrainingError} `invalid-pairs`, as {@link sortedDistances} */
export function checkDistances(distances: ArrayLike<number>, isSame: ArrayLike<boolean | number>): void {
  const fail = (message: string): never => {
    throw new TrainingError('invalid-pairs', message);
  };
  const pairs = distances.length;
  if (isSame.length !== pairs) fail(`There are ${pairs} distances but the truth of ${isSame.length} pairs.`);
  if (pairs === 0) fail('There are no pairs to verify.');
  let same = 0;
  for (let i = 0; i < pairs; i++) {
    if (!Number.isFinite(distances[i]!)) fail(`The distance of pair ${i} is ${distances[i]}, not a number.`);
    if (isSame[i]) same++;
  }
  if (same === 0 || same === pairs) {
    fail(
      `All ${pairs} pairs are of ${same === 0 ? 'different people' : 'the same person'}; both kinds are needed.`,
    );
  }
}

/** How many distances are strictly below a threshold. */
export function countBelow(sorted: Float64Array, threshold: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}
