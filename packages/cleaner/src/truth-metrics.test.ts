import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decision } from './decide.ts';
import { metrics, rankMetrics } from './truth-metrics.ts';

describe('rankMetrics', () => {
  it('agrees with the definitions, counted out pair by pair', () => {
    const rows = fc.array(fc.record({ score: fc.nat({ max: 8 }), bad: fc.nat({ max: 1 }) }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(rows, (all) => {
        const { auroc, averagePrecision } = rankMetrics(
          all.map(({ score }) => score),
          all.map(({ bad }) => bad),
        );
        const bad = all.filter((row) => row.bad);
        const good = all.filter((row) => !row.bad);
        if (bad.length === 0) {
          expect([auroc, averagePrecision]).toEqual([null, null]);
          return;
        }
        const precision = bad.map(({ score }) => {
          const above = all.filter((row) => row.score >= score);
          return above.filter((row) => row.bad).length / above.length;
        });
        expect(averagePrecision).toBeCloseTo(precision.reduce((a, b) => a + b) / bad.length, 12);
        if (good.length === 0) {
          expect(auroc).toBe(null);
          return;
        }
        const wins = bad.flatMap((b) =>
          good.map((g): number => (b.score > g.score ? 1 : b.score === g.score ? 0.5 : 0)),
        );
        expect(auroc).toBeCloseTo(wins.reduce((a, b) => a + b) / wins.length, 12);
      }),
    );
  });

  it('ranks what is no number last', () => {
    const { NaN: none } = Number;
    expect(rankMetrics([none, 2, none, 1], [1, 1, 0, 0])).toEqual(rankMetrics([0, 2, 0, 1], [1, 1, 0, 0]));
    expect(rankMetrics([none, none], [0, 1])).toEqual({ auroc: 0.5, averagePrecision: 0.5 });
  });
});

describe('metrics', () => {
  const decision = {
    verdicts: ['drop', 'drop', 'keep', 'unresolved', 'keep'],
    suspicion: Float64Array.of(5, 4, 1, 3, 2),
    dropped: 2,
  } as unknown as Decision;

  it('counts what was dropped against what is bad', () => {
    expect(metrics(decision, { bad: [1, 0, 0, 1, 0] })).toEqual({
      precision: 0.5,
      recall: 0.5,
      f1: 0.5,
      bad: 2,
      dropped: 2,
      badDropped: 1,
      goodDroppedShare: 1 / 3,
      auroc: 5 / 6,
      averagePrecision: (1 + 2 / 3) / 2,
    });
  });

  it('refuses a truth of another length', () => {
    expect(() => metrics(decision, { bad: [1] })).toThrow(/the truth has 1 rows but there are 5 images/);
  });
});
