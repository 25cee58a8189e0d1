/**
 * True-accept rate at a false-accept rate (TAR@FAR, also TPR@FPR), as IJB-B and IJB-C are reported: the threshold is set by the
 * pairs of different people alone, and the pairs of the same person are counted below it. Unlike VAL@FAR there are no
 * folds. How far a figure can be trusted is said by a bootstrap over the pairs (Efron's percentile interval).
 */
import { Random } from '../random.ts';
import { TrainingError } from '../training-error.ts';
import { countBelow, type SortedDistances, sortedDistances } from './sorted-distances.ts';

/** Options of {@link acceptRates}. */
export interface AcceptRateOptions {
  /** False-accept rates, each in (0, 1). Default 1e-4, 1e-3, 1e-2, 1e-1. */
  readonly fars?: readonly number[];
  /** Bootstrap samples behind the intervals; 0 leaves them out (NaN). Default 1000. */
  readonly resamples?: number;
  /** Share of the bootstrap samples inside an interval. Default .95. */
  readonly confidence?: number;
  /** Determines the bootstrap samples. Default 0. */
  readonly seed?: number;
}

/** The true-accept rate at one false-accept rate. */
export interface AcceptRate {
  /** The false-accept rate asked for. */
  readonly far: number;
  /** False accepts that it allows: as many as are no larger share of the different pairs. At 0 the figure says only what no false accept leaves. */
  readonly falseAccepts: number;
  /** The largest squared distance, exclusive, that accepts no more of the different pairs. */
  readonly threshold: number;
  /** Share of the same pairs below the threshold. */
  readonly tar: number;
  /** Ends of the bootstrap interval of `tar`. */
  readonly low: number;
  readonly high: number;
}

/**
 * Measures true-accept rates.
 *
 * @param distances of each pair, such as squared Euclidean distances of unit vectors; smaller is more alike
 * @param isSame truth of each pair
 * @throws {TrainingError} `invalid-pairs` when sizes disagree, a distance is not a number or one kind of pair is missing;
 *   `invalid-option` for a rate, a confidence or a number of samples out of range
 */
export function acceptRates(
  distances: ArrayLike<number>,
  isSame: ArrayLike<boolean | number>,
  options: AcceptRateOptions = {},
): AcceptRate[] {
  const { fars = [1e-4, 1e-3, 1e-2, 1e-1], resamples = 1000, confidence = 0.95, seed = 0 } = options;
  for (const far of fars) checkShare('a false-accept rate', far);
  checkShare('confidence', confidence);
  if (!Number.isSafeInteger(resamples) || resamples < 0) {
    throw new TrainingError('invalid-option', `resamples must be a whole number, got ${resamples}.`);
  }
  const sets = sortedDistances(distances, isSame);
  const allowed = fars.map((far) => allowedAccepts(far, sets.different.length));
  const sampled = bootstrap(sets, allowed, { resamples, seed });
  return fars.map((far, i) => {
    const threshold = sets.different[allowed[i]!]!;
    return {
      far,
      falseAccepts: allowed[i]!,
      threshold,
      tar: countBelow(sets.same, threshold) / sets.same.length,
      low: percentile(sampled[i]!, (1 - confidence) / 2),
      high: percentile(sampled[i]!, (1 + confidence) / 2),
    };
  });
}

/** The largest count whose share of `pairs` is no larger than `far`. A product of the two can round to either side of it. */
function allowedAccepts(far: number, pairs: number): number {
  const count = Math.round(far * pairs);
  return count / pairs <= far ? count : count - 1;
}

/** Sorted rates of the bootstrap samples, for each number of allowed false accepts. Both kinds of pairs are drawn anew. */
function bootstrap(
  { same, different }: SortedDistances,
  allowed: readonly number[],
  { resamples, seed }: { readonly resamples: number; readonly seed: number },
): Float64Array[] {
  const random = Random.of(seed, 'accept rates');
  const rates = allowed.map(() => new Float64Array(resamples));
  for (let sample = 0; sample < resamples; sample++) {
    const drawnDifferent = drawCounts(different.length, random);
    const drawnSame = drawCounts(same.length, random);
    for (const [i, count] of allowed.entries()) {
      const threshold = different[placeOf(count, drawnDifferent)]!;
      const below = countBelow(same, threshold);
      let accepted = 0;
      for (let j = 0; j < below; j++) accepted += drawnSame[j]!;
      rates[i]![sample] = accepted / same.length;
    }
  }
  return rates.map((values) => values.sort());
}

/** How often each of n values is drawn in n draws with replacement. */
function drawCounts(n: number, random: Random): Uint32Array {
  const counts = new Uint32Array(n);
  for (let i = 0; i < n; i++) counts[random.integer(n)]!++;
  return counts;
}

/** The place, in ascending order of the originals, of the value number `rank` (from 0) of a bootstrap sample. */
function placeOf(rank: number, counts: Uint32Array): number {
  let place = 0;
  for (let seen = counts[0]!; seen <= rank; seen += counts[place]!) place++;
  return place;
}

function percentile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (place - low);
}

function checkShare(name: string, value: number): void {
  if (value > 0 && value < 1) return;
  throw new TrainingError('invalid-option', `Expected ${name} between 0 and 1, got ${value}.`);
}
