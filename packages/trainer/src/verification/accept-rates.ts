/**
 * True-accept rate at a false-accept rate (TAR@FAR, also TPR@FPR), as IJB-B and IJB-C are reported: the threshold is set by the
 * pairs of different people alone, and the pairs of the same person are counted below it. Unlike VAL@FAR there are no
 * folds. How far a figure can be trusted is said by a bootstrap over the pairs (Efron's percentile interval).
 */
import { Random } from '../random.ts';
import { TrainingError } from '../training-error.ts';
import { allowedCount } from './allowed-count.ts';
import { drawPlaces } from './order-statistics.ts';
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
  /** Ends of the bootstrap interval of `tar`. It has no width where that is 0 or 1, however few pairs say so. */
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
  const allowed = fars.map((far) => allowedCount(far, sets.different.length));
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

/** Sorted rates of the bootstrap samples, for each number of allowed false accepts. Both kinds of pairs are drawn anew. */
function bootstrap(
  { same, different }: SortedDistances,
  allowed: readonly number[],
  { resamples, seed }: { readonly resamples: number; readonly seed: number },
): Float64Array[] {
  const random = Random.of(seed, 'accept rates');
  const rates = allowed.map(() => new Float64Array(resamples));
  const ascending = [...allowed.keys()].sort((a, b) => allowed[a]! - allowed[b]!);
  for (let sample = 0; sample < resamples; sample++) {
    const places = drawPlaces(
      ascending.map((i) => allowed[i]!),
      different.length,
      random,
    );
    const below = places.map((place) => countBelow(same, different[place]!));
    const accepted = drawnBelow(below, same.length, random);
    for (const [at, i] of ascending.entries()) rates[i]![sample] = accepted[at]! / same.length;
  }
  return rates.map((values) => values.sort());
}

/** How many of n values, drawn from 0..n-1 with replacement, are below each of the limits. */
function drawnBelow(limits: readonly number[], n: number, random: Random): number[] {
  const counts = limits.map(() => 0);
  for (let i = 0; i < n; i++) {
    const value = random.integer(n);
    for (let at = 0; at < limits.length; at++) if (value < limits[at]!) counts[at]!++;
  }
  return counts;
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
