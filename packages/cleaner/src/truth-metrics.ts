import { CleanerError } from './cleaner-error.ts';
import type { Decision } from './decide.ts';

/*
 * How well a decision found the images that are known to be bad. "Positive" is a bad image, "predicted" a dropped one;
 * unresolved images were kept.
 */

/** null where undefined: precision when nothing is dropped, recall when nothing is bad. */
export interface ConfusionMetrics {
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f1: number | null;
}

export interface TruthMetrics extends ConfusionMetrics {
  readonly bad: number;
  readonly dropped: number;
  readonly badDropped: number;
  /** Share of good images that were dropped. */
  readonly goodDroppedShare: number | null;
  /** Probability that a bad image is more suspicious than a good one, ties count half. null without bad or good images. */
  readonly auroc: number | null;
  /** Mean over bad images of the precision at their rank by suspicion; equal suspicion shares a rank. */
  readonly averagePrecision: number | null;
}

/** What is known of every image, in data order. `NoisyLabels` is one. */
export interface Truth {
  /** One (or true) for an image that is bad. */
  readonly bad: ArrayLike<number | boolean>;
}

/**
 * Precision, recall and F1 of what was dropped; AUROC and average precision of the suspicion behind it.
 *
 * @throws {CleanerError} `shape-mismatch`.
 */
export function metrics(decision: Decision, { bad }: Truth): TruthMetrics {
  const n = decision.verdicts.length;
  if (bad.length !== n) {
    throw new CleanerError('shape-mismatch', `the truth has ${bad.length} rows but there are ${n} images`);
  }
  const isBad = Uint8Array.from(bad, Number);
  const total = isBad.reduce((sum, v) => sum + v, 0);
  let badDropped = 0;
  decision.verdicts.forEach((verdict, i) => {
    if (verdict === 'drop') badDropped += isBad[i]!;
  });
  const goodDropped = decision.dropped - badDropped;
  return {
    ...confusionMetrics(badDropped, goodDropped, total - badDropped),
    bad: total,
    dropped: decision.dropped,
    badDropped,
    goodDroppedShare: total === n ? null : goodDropped / (n - total),
    ...rankMetrics(decision.suspicion, isBad),
  };
}

/** From counts: bad images dropped, good ones dropped, bad ones kept. */
export function confusionMetrics(badDropped: number, goodDropped: number, badKept: number): ConfusionMetrics {
  const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
  return {
    precision: ratio(badDropped, badDropped + goodDropped),
    recall: ratio(badDropped, badDropped + badKept),
    f1: ratio(2 * badDropped, 2 * badDropped + goodDropped + badKept),
  };
}

/**
 * AUROC and average precision of a score that should be larger for positives; a score that is NaN counts as the smallest.
 *
 * @param positive Zeros and ones, as many as scores.
 */
export function rankMetrics(
  scores: ArrayLike<number>,
  positive: ArrayLike<number>,
): { auroc: number | null; averagePrecision: number | null } {
  const n = scores.length;
  const ranked = Float64Array.from(scores, (score) =>
    Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score,
  );
  const order = Int32Array.from(ranked.keys()).sort((a, b) =>
    ranked[a] === ranked[b] ? 0 : ranked[b]! - ranked[a]!,
  );
  let found = 0;
  let area = 0;
  let precision = 0;
  // One group of equal scores at a time, the most suspicious first.
  for (let start = 0; start < n; ) {
    let end = start;
    let hits = 0;
    while (end < n && ranked[order[end]!] === ranked[order[start]!]) hits += positive[order[end++]!]!;
    const misses = end - start - hits;
    area += misses * (found + hits / 2);
    found += hits;
    precision += hits * (found / end);
    start = end;
  }
  return {
    auroc: found === 0 || found === n ? null : area / (found * (n - found)),
    averagePrecision: found === 0 ? null : precision / found,
  };
}
