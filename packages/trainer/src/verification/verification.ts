/**
 * Verification: are two images of the same person? Given the embeddings of pairs and the truth, this measures how often
 * a threshold on their distance answers rightly, the way the field reports it since LFW: ten folds in the order of the
 * pairs, the best threshold of nine folds scored on the tenth.
 *
 * The definitions are the reference's (`verification.py` of insightface). One of its numbers is ill-defined there:
 * VAL@FAR interpolates thresholds over false-accept rates that repeat. Here, as in the oracle, the interpolation is
 * between the last threshold whose rate does not exceed the target and the first whose rate does.
 */

import { TrainingError } from '../training-error.ts';
import {
  checkDistances,
  countBelow,
  type SortedDistances,
  sortedDistances,
  sortedDistancesWithin,
} from './sorted-distances.ts';
import { mean, pairwiseSum, standardDeviation } from './statistics.ts';

/** Options of {@link verifyPairs} and {@link verifyDistances}. */
export interface VerificationOptions {
  /** Contiguous folds, the first ones one pair longer where they do not divide. 1 trains and tests on all. Default 10. */
  readonly folds?: number;
  /** The false-accept rate at which `val` is measured, 0 to 1. Default 1e-3. */
  readonly farTarget?: number;
}

/** One fold: thresholds chosen on the others, everything else measured on it. */
export interface VerificationFold {
  /** Share of this fold's pairs that are answered rightly. */
  readonly accuracy: number;
  /** Squared distance below which a pair counts as the same person. */
  readonly threshold: number;
  /** Accuracy on the other folds at that threshold: the best there. */
  readonly trainAccuracy: number;
  /** Share of same pairs accepted at `valThreshold`; NaN if this fold has no same pair. */
  readonly val: number;
  /** Share of different pairs accepted at `valThreshold`; NaN if this fold has no different pair. */
  readonly far: number;
  /** Threshold at which the other folds' false-accept rate is `farTarget`. */
  readonly valThreshold: number;
}

/** True and false accept rates at each threshold, averaged over the folds. */
export interface Roc {
  readonly thresholds: Float64Array;
  readonly truePositiveRate: Float64Array;
  readonly falsePositiveRate: Float64Array;
}

/** The result of a verification. */
export interface Verification {
  readonly pairs: number;
  /** Pairs of the same person. */
  readonly same: number;
  /** Mean accuracy over the folds. */
  readonly accuracy: number;
  /** Population standard deviation of the accuracy over the folds. */
  readonly accuracyStd: number;
  /** Mean of the folds' thresholds (squared distance of unit vectors, 0..4). */
  readonly threshold: number;
  /** True-accept rate at `farTarget`: mean over the folds in which it is defined. */
  readonly val: number;
  readonly valStd: number;
  /** False-accept rate that was really met on the test folds. */
  readonly far: number;
  readonly farTarget: number;
  /** Chance that a same pair is closer than a different one (ties count half); needs no threshold and no fold. */
  readonly auc: number;
  readonly roc: Roc;
  readonly folds: readonly VerificationFold[];
}

/** 0, .01, ..., 3.99: thresholds for accuracy and ROC. */
const ACCURACY_THRESHOLDS = Float64Array.from({ length: 400 }, (_, i) => i * 0.01);
/** 0, .001, ..., 3.999: thresholds for VAL@FAR. */
const VAL_THRESHOLDS = Float64Array.from({ length: 4000 }, (_, i) => i * 0.001);

/**
 * Verifies pairs of embeddings.
 *
 * Rows are L2-normalised in float64 first (a row of zeros stays zero), so they may come as the network gives them; for
 * the reference's numbers give the sum of an image's and its mirror image's embedding (`embedImages` with `flip`).
 *
 * @param embeddings row-major [2 * pairs, dimensions]; rows 2i and 2i+1 are pair i
 * @param isSame truth of each pair
 * @throws {TrainingError} `invalid-pairs` when sizes disagree, a value is not finite, one kind of pair is missing, or
 *   there are fewer pairs than folds; `invalid-option` for a rate out of range
 */
export function verifyPairs(
  embeddings: Float32Array,
  isSame: ArrayLike<boolean | number>,
  options: VerificationOptions = {},
): Verification {
  return verifyDistances(pairDistances(embeddings, isSame.length), isSame, options);
}

/** Squared Euclidean distance of each pair's normalised rows, float64. See {@link verifyPairs}. */
export function pairDistances(embeddings: Float32Array, pairs: number): Float64Array {
  const dimensions = embeddings.length / (2 * pairs);
  if (!(pairs > 0) || !Number.isInteger(dimensions) || dimensions === 0) {
    throw new TrainingError(
      'invalid-pairs',
      `Expected two rows of embeddings for each of ${pairs} pairs, got ${embeddings.length} values, which do not divide.`,
    );
  }
  const norms = new Float64Array(2 * pairs);
  for (let row = 0; row < norms.length; row++) {
    let sum = 0;
    for (let d = 0; d < dimensions; d++) sum += embeddings[row * dimensions + d]! ** 2;
    if (!Number.isFinite(sum)) {
      throw new TrainingError(
        'invalid-pairs',
        `The embedding of pair ${row >> 1} (row ${row}) is not finite; leave out images that could not be embedded.`,
      );
    }
    norms[row] = Math.sqrt(sum) || 1;
  }
  const squares = new Float64Array(dimensions);
  return Float64Array.from({ length: pairs }, (_, i) => {
    const a = 2 * i;
    const b = a + 1;
    for (let d = 0; d < dimensions; d++) {
      const difference =
        embeddings[a * dimensions + d]! / norms[a]! - embeddings[b * dimensions + d]! / norms[b]!;
      squares[d] = difference * difference;
    }
    return pairwiseSum(squares);
  });
}

/**
 * Verifies pairs whose distances are known already.
 *
 * @param distances squared Euclidean distance of each pair's unit vectors, 0..4
 * @param isSame truth of each pair
 * @throws {TrainingError} `invalid-pairs`, as {@link verifyPairs}
 */
export function verifyDistances(
  distances: ArrayLike<number>,
  isSame: ArrayLike<boolean | number>,
  options: VerificationOptions = {},
): Verification {
  const { folds = 10, farTarget = 1e-3 } = options;
  const pairs = distances.length;
  checkDistances(distances, isSame);
  checkFolds(pairs, folds);
  if (!(farTarget >= 0 && farTarget <= 1))
    throw new TrainingError('invalid-option', `farTarget must be from 0 to 1, got ${farTarget}.`);
  const bounds = foldBounds(pairs, folds);
  const sets = bounds.map(([start, end]) => sortedDistancesWithin(distances, isSame, start, end));
  const whole = sortedDistances(distances, isSame);
  const results = sets.map((test, fold): VerificationFold => {
    const train = folds === 1 ? [test] : sets.filter((_, other) => other !== fold);
    const best = bestThreshold(train);
    const valThreshold = thresholdAtFar(train, farTarget);
    return {
      accuracy: right(test, best.threshold) / size(test),
      threshold: best.threshold,
      trainAccuracy: best.accuracy,
      val: countBelow(test.same, valThreshold) / test.same.length,
      far: countBelow(test.different, valThreshold) / test.different.length,
      valThreshold,
    };
  });
  const accuracies = results.map((fold) => fold.accuracy);
  const vals = results.map((fold) => fold.val).filter((val) => !Number.isNaN(val));
  return {
    pairs,
    same: whole.same.length,
    accuracy: mean(accuracies),
    accuracyStd: standardDeviation(accuracies),
    threshold: mean(results.map((fold) => fold.threshold)),
    val: mean(vals),
    valStd: standardDeviation(vals),
    far: mean(results.map((fold) => fold.far).filter((far) => !Number.isNaN(far))),
    farTarget,
    auc: areaUnderCurve(whole),
    roc: {
      thresholds: ACCURACY_THRESHOLDS.slice(),
      truePositiveRate: meanRates(sets.map((set) => set.same)),
      falsePositiveRate: meanRates(sets.map((set) => set.different)),
    },
    folds: results,
  };
}

const size = (set: SortedDistances): number => set.same.length + set.different.length;

/** How many pairs a threshold answers rightly: same ones below it, different ones not. */
function right(set: SortedDistances, threshold: number): number {
  return countBelow(set.same, threshold) + set.different.length - countBelow(set.different, threshold);
}

/** The first of the thresholds that answer most pairs rightly. */
function bestThreshold(sets: readonly SortedDistances[]): { threshold: number; accuracy: number } {
  let best = 0;
  let bestRight = -1;
  for (const threshold of ACCURACY_THRESHOLDS) {
    const count = sets.reduce((sum, set) => sum + right(set, threshold), 0);
    if (count > bestRight) {
      best = threshold;
      bestRight = count;
    }
  }
  return { threshold: best, accuracy: bestRight / sets.reduce((sum, set) => sum + size(set), 0) };
}

/** The threshold at which the false-accept rate reaches the target, or 0 if no threshold reaches it. */
function thresholdAtFar(sets: readonly SortedDistances[], target: number): number {
  const total = sets.reduce((sum, set) => sum + set.different.length, 0);
  const farAt = (i: number): number =>
    sets.reduce((sum, set) => sum + countBelow(set.different, VAL_THRESHOLDS[i]!), 0) / total;
  const last = VAL_THRESHOLDS.length - 1;
  // NaN (no different pair to train on) counts as not reached.
  if (!(farAt(last) >= target)) return 0;
  // The rate never falls as the threshold rises, so its last value that does not exceed the target can be bisected.
  let low = 0;
  let high = last + 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (farAt(middle) <= target) low = middle;
    else high = middle;
  }
  if (high > last) return VAL_THRESHOLDS[last]!;
  const slope = (VAL_THRESHOLDS[high]! - VAL_THRESHOLDS[low]!) / (farAt(high) - farAt(low));
  return VAL_THRESHOLDS[low]! + (target - farAt(low)) * slope;
}

/**
 * Share of distances below each threshold, averaged over the folds; a fold without such pairs counts as 0. One fold after the other, as numpy
 * adds along the first axis.
 */
function meanRates(folds: readonly Float64Array[]): Float64Array {
  const sums = new Float64Array(ACCURACY_THRESHOLDS.length);
  for (const sorted of folds) {
    if (sorted.length === 0) continue;
    for (const [i, threshold] of ACCURACY_THRESHOLDS.entries())
      sums[i]! += countBelow(sorted, threshold) / sorted.length;
  }
  return sums.map((sum) => sum / folds.length);
}

function areaUnderCurve({ same, different }: SortedDistances): number {
  let wins = 0;
  let below = 0;
  let upTo = 0;
  for (const distance of different) {
    while (below < same.length && same[below]! < distance) below++;
    while (upTo < same.length && same[upTo]! <= distance) upTo++;
    wins += (below + upTo) / 2;
  }
  return wins / (same.length * different.length);
}

function foldBounds(pairs: number, folds: number): [start: number, end: number][] {
  const short = Math.floor(pairs / folds);
  let start = 0;
  return Array.from({ length: folds }, (_, fold) => {
    const end = start + short + (fold < pairs % folds ? 1 : 0);
    const bounds: [number, number] = [start, end];
    start = end;
    return bounds;
  });
}

function checkFolds(pairs: number, folds: number): void {
  const fail = (message: string): never => {
    throw new TrainingError('invalid-pairs', message);
  };
  if (!Number.isInteger(folds) || folds < 1)
    fail(`folds must be a whole number of at least 1, got ${folds}.`);
  if (pairs < folds) fail(`${pairs} pairs cannot be split into ${folds} folds; ask for fewer folds.`);
}
