/** The histogram's axis: thresholds are steps of half a degree, from 0 to an end that shows all angles. */
import type { AngleEvidence } from '@arcface/cleaner';

export const STEP = 0.5;
export const LARGE_STEP = 5;

/** Where the axis ends, degrees: 120, or further where angles go further. */
export function axisEnd({ count, binDegrees }: AngleEvidence): number {
  let last = 0;
  count.forEach((n, bin) => {
    if (n > 0) last = bin;
  });
  return Math.min(180, Math.max(120, Math.ceil(((last + 1) * binDegrees) / 10) * 10));
}

/** A threshold that the axis has, from any number. */
export function onAxis(degrees: number, end: number): number {
  return Math.min(end, Math.max(0, Math.round(degrees / STEP) * STEP));
}

export interface Bar {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Expected wrong ones among them. */
  readonly bad: number;
}

/** Bars of some width, a multiple of the bins'. */
export function barsOf({ count, bad, binDegrees }: AngleEvidence, end: number, barDegrees = 2): Bar[] {
  const each = Math.round(barDegrees / binDegrees);
  return Array.from({ length: Math.ceil(end / barDegrees) }, (_, bar) => {
    let [sum, wrong] = [0, 0];
    for (let bin = bar * each; bin < (bar + 1) * each; bin++) {
      sum += count[bin] ?? 0;
      wrong += bad?.[bin] ?? 0;
    }
    return { from: bar * barDegrees, to: (bar + 1) * barDegrees, count: sum, bad: wrong };
  });
}
