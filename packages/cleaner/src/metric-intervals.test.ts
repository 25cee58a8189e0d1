import { describe, expect, it } from 'vitest';
import { metricIntervals, wilson } from './metric-intervals.ts';

describe('confidence intervals', () => {
  it('are Wilson’s for shares', () => {
    for (const [hits, of, low, high] of [
      [8, 10, 0.490162, 0.943318],
      [0, 10, 0, 0.277533],
      [50, 100, 0.403832, 0.596168],
    ] as const) {
      const [a, b] = wilson(hits, of)!;
      expect(a).toBeCloseTo(low, 5);
      expect(b).toBeCloseTo(high, 5);
    }
    expect(wilson(0, 0)).toBe(null);
  });

  it('hold the figure, get narrower with more images, and are null where the figure is', () => {
    const found = (n: number) => ({
      precision: 0.9,
      recall: 0.9,
      f1: 0.9,
      bad: n / 2,
      dropped: n / 2,
      badDropped: 0.45 * n,
      goodDroppedShare: 0.1,
      auroc: 0.95,
      averagePrecision: 0.93,
    });
    const few = metricIntervals(found(100), 100);
    const many = metricIntervals(found(10_000), 10_000);
    for (const name of ['precision', 'recall', 'f1', 'auroc', 'averagePrecision'] as const) {
      const [low, high] = many[name]!;
      expect(low).toBeLessThan(found(1)[name]);
      expect(high).toBeGreaterThan(found(1)[name]);
      expect(high - low).toBeLessThan(few[name]![1] - few[name]![0]);
    }
    const none = { ...found(100), auroc: null, averagePrecision: null, bad: 0, badDropped: 0 };
    expect(metricIntervals(none, 100)).toMatchObject({ recall: null, auroc: null, averagePrecision: null });
  });
});
