import type { TruthMetrics } from './truth-metrics.ts';

/*
 * How far a measured figure can be trusted: 95 % confidence intervals, all in closed form, so that ten million images cost no more
 * than ten. They say what another sample of images from the same dataset would give, not another dataset.
 */

/** Lower and upper end; null where the figure itself is. */
export type Interval = readonly [low: number, high: number] | null;

export interface MetricIntervals {
  /** Wilson's score interval. */
  readonly precision: Interval;
  /** Wilson's score interval. */
  readonly recall: Interval;
  /** Wilson's, of the share of hits among all that are bad or dropped, J; F1 = 2J / (1 + J). */
  readonly f1: Interval;
  /** Hanley and McNeil, Radiology 143 (1982). */
  readonly auroc: Interval;
  /** On the logit scale: Boyd, Eng and Page, ECML 2013. */
  readonly averagePrecision: Interval;
}

const Z = 1.959964;

export function metricIntervals(found: TruthMetrics, images: number): MetricIntervals {
  const { bad, dropped, badDropped, auroc, averagePrecision } = found;
  const jaccard = wilson(badDropped, dropped + bad - badDropped);
  return {
    precision: wilson(badDropped, dropped),
    recall: wilson(badDropped, bad),
    f1: jaccard && [(2 * jaccard[0]) / (1 + jaccard[0]), (2 * jaccard[1]) / (1 + jaccard[1])],
    auroc: auroc === null ? null : hanleyMcNeil(auroc, bad, images - bad),
    averagePrecision: averagePrecision === null ? null : logitInterval(averagePrecision, bad),
  };
}

/** Wilson's interval of a share; null of nothing. */
export function wilson(hits: number, of: number): Interval {
  if (of === 0) return null;
  const p = hits / of;
  const scale = 1 + Z ** 2 / of;
  const centre = (p + Z ** 2 / (2 * of)) / scale;
  const half = (Z / scale) * Math.sqrt((p * (1 - p)) / of + Z ** 2 / (4 * of ** 2));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

function hanleyMcNeil(area: number, bad: number, good: number): Interval {
  const q1 = area / (2 - area);
  const q2 = (2 * area ** 2) / (1 + area);
  const variance =
    (area * (1 - area) + (bad - 1) * (q1 - area ** 2) + (good - 1) * (q2 - area ** 2)) / (bad * good);
  const half = Z * Math.sqrt(Math.max(0, variance));
  return [Math.max(0, area - half), Math.min(1, area + half)];
}

function logitInterval(value: number, positives: number): Interval {
  if (value <= 0 || value >= 1) return [value, value];
  const logit = Math.log(value / (1 - value));
  const half = Z / Math.sqrt(positives * value * (1 - value));
  return [1 / (1 + Math.exp(half - logit)), 1 / (1 + Math.exp(-half - logit))];
}
