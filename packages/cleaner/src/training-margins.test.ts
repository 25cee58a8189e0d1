import { describe, expect, it } from 'vitest';
import { CleanerError } from './cleaner-error.ts';
import { decide } from './decide.ts';
import { score } from './score.ts';
import { seededRandom } from './seeded-random.ts';
import { withTrainingMargins } from './training-margins.ts';
import { metrics } from './truth-metrics.ts';

const N = 400;
const audit = score({
  embeddings: Float32Array.from({ length: 2 * N }, (_, i) => 1 - (i % 2)),
  dimensions: 2,
  labels: Int32Array.from({ length: N }, (_, i) => i % 4),
  subcenters: {
    weights: Float32Array.from({ length: 8 }, (_, i) => 1 - (i % 2)),
    subcenters: 1,
    dimensions: 2,
    classOrder: 'label',
  },
});

/** Right labels are learned early, wrong ones by heart, in the last third of the run. */
function run(badShare: number, epochs = 12) {
  const random = seededRandom(3);
  const noise = (): number => (random.uniform() + random.uniform() + random.uniform() - 1.5) * 0.2;
  const bad = Array.from({ length: N }, (_, i) => Number((i * 7919) % N < badShare * N));
  const margins = Array.from({ length: epochs }, (_, epoch) => {
    const margin = (isBad: number): number =>
      (isBad ? (epoch < (2 * epochs) / 3 ? -0.3 : 0.4) : 0.5 * Math.min(1, (epoch + 1) / 4)) + noise();
    return { own: bad.map((isBad) => 0.2 + margin(isBad)), other: Array<number>(N).fill(0.2) };
  });
  return { bad, margins };
}

describe('the rule aum', () => {
  it('finds what was learned late, with a cut of its own', () => {
    for (const share of [0.05, 0.2, 0.5]) {
      const { bad, margins } = run(share);
      const decision = decide(withTrainingMargins(audit, { epochs: margins }), { kind: 'aum' });
      expect(metrics(decision, { bad }).f1).toBeGreaterThan(0.97);
      expect(decision.reasons[0]).toBe('aum');
    }
  });

  it('leaves a run without wrong labels alone', () => {
    const { margins } = run(0);
    expect(decide(withTrainingMargins(audit, { epochs: margins }), { kind: 'aum' }).dropped).toBeLessThan(
      N / 200,
    );
  });

  it('looks at the start of a long run that ends with everything learned by heart, whatever its length', () => {
    for (const epochs of [12, 40]) {
      const random = seededRandom(5);
      const noise = (): number => (random.uniform() + random.uniform() + random.uniform() - 1.5) * 0.3;
      const bad = Array.from({ length: N }, (_, i) => Number(i % 4 === 0));
      const level = bad.map(() => noise() / 2);
      const history = Array.from({ length: epochs }, (_, epoch) => ({
        own: bad.map((isBad, i) => 0.7 * (1 - Math.exp(-(isBad ? epoch / 6 : epoch))) + level[i]! + noise()),
        other: Array<number>(N).fill(0.3),
      }));
      expect(
        metrics(decide(withTrainingMargins(audit, { epochs: history }), { kind: 'aum' }), { bad }).f1,
      ).toBeGreaterThan(0.85);
    }
  });

  it('does not cut clean data in two, however skewed it is', () => {
    const random = seededRandom(6);
    const level = Array.from({ length: N }, () => 0.8 - 0.3 * random.uniform() ** 3);
    const history = Array.from({ length: 10 }, (_, epoch) => ({
      own: level.map((value) => value * (1 - Math.exp(-1 - epoch)) + 0.05 * random.uniform()),
      other: Array<number>(N).fill(0.3),
    }));
    expect(decide(withTrainingMargins(audit, { epochs: history }), { kind: 'aum' }).dropped).toBe(0);
  });

  it('leaves out epochs that did not see an image, and keeps an image that none saw', () => {
    const { margins } = run(0.2);
    const gone = margins.map(({ own, other }) => ({ own: own.with(5, Number.NaN), other }));
    const { training } = withTrainingMargins(audit, { epochs: gone });
    expect(training.aum[5]).toBeNaN();
    expect(training.pClean[5]).toBe(1);
    const once = margins.map(({ own, other }, epoch) => ({
      own: epoch ? own.with(5, Number.NaN) : own,
      other,
    }));
    expect(withTrainingMargins(audit, { epochs: once }).training.aum[5]).toBeCloseTo(
      margins[0]!.own[5]! - 0.2,
      12,
    );
  });

  it('gives probabilities, whatever epochs saw no image at all', () => {
    const { bad, margins } = run(0.2);
    const nothing = Array<number>(N).fill(Number.NaN);
    for (const [from, to] of [
      [0, 1],
      [2, 12],
      [0, 12],
    ] as const) {
      const seen = margins.map((epoch, e) =>
        e >= from && e < to ? { own: nothing, other: nothing } : epoch,
      );
      const { training } = withTrainingMargins(audit, { epochs: seen });
      expect(training.pClean.every((p) => p >= 0 && p <= 1)).toBe(true);
      if (to - from === 12) expect(new Set(training.pClean)).toEqual(new Set([1]));
      else expect(metrics(decide({ ...audit, training }, { kind: 'aum' }), { bad }).f1).toBeGreaterThan(0.9);
    }
  });

  it('refuses margins of another dataset, and none', () => {
    expect(() => withTrainingMargins(audit, { epochs: [] })).toThrow(CleanerError);
    expect(() => withTrainingMargins(audit, { epochs: [{ own: [1], other: [1] }] })).toThrow(
      /epoch 0 has margins of 1 and 1 images, but there are 400/,
    );
  });
});
