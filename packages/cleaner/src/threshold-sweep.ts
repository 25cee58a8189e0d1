import type { Audit } from './score.ts';
import { type ConfusionMetrics, confusionMetrics } from './truth-metrics.ts';

/** What the angle rule would do at one threshold. */
export interface SweepPoint {
  readonly degrees: number;
  readonly kept: number;
  readonly dropped: number;
  readonly identitiesKept: number;
  /** Of the dropped images, where the truth is known. */
  readonly metrics?: ConfusionMetrics;
}

/**
 * The plain angle rule at many thresholds.
 *
 * @param options.degrees Thresholds. Default: 0, 1, ..., 180.
 * @param options.bad One where an image is bad, where that is known.
 */
export function sweepThresholds(
  audit: Audit,
  options: { degrees?: readonly number[]; bad?: ArrayLike<number | boolean> } = {},
): SweepPoint[] {
  const { degrees = Array.from({ length: 181 }, (_, i) => i), bad } = options;
  const all = Float64Array.from(audit.cosine).sort();
  const ofBad = bad && audit.cosine.filter((_, i) => Boolean(bad[i])).sort();
  const closest = Float64Array.from(audit.identities, ({ images }) =>
    images.reduce((most, image) => Math.max(most, audit.cosine[image]!), Number.NEGATIVE_INFINITY),
  ).sort();
  return degrees.map((threshold) => {
    const cosine = Math.cos((threshold * Math.PI) / 180);
    const dropped = countUpTo(all, cosine);
    const badDropped = ofBad && countUpTo(ofBad, cosine);
    return {
      degrees: threshold,
      kept: all.length - dropped,
      dropped,
      identitiesKept: closest.length - countUpTo(closest, cosine),
      ...(badDropped === undefined
        ? {}
        : { metrics: confusionMetrics(badDropped, dropped - badDropped, ofBad!.length - badDropped) }),
    };
  });
}

/** How many of the ascending values are at most `limit`. */
function countUpTo(ascending: Float64Array, limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
