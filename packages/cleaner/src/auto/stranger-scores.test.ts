import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../decide.ts';
import { injectNoise } from '../noise-injection.ts';
import { isLearnedByHeart } from '../rules/verdicts.ts';
import { score } from '../score.ts';
import { seededRandom } from '../seeded-random.ts';
import { withTrainingMargins } from '../training-margins.ts';
import { confusionMetrics } from '../truth-metrics.ts';
import { strangerCut } from './stranger-cut.ts';
import { withStrangerScores } from './stranger-scores.ts';

const DIMENSIONS = 64;
const LIGHT_DIMENSIONS = 6;

/**
 * Faces whose groups overlap, as those of a small network do: a cosine of about .4 between two images of one person. In the first dimensions
 * images of everybody differ by light, which is none of who they are.
 */
function overlappingFaces(rate: number, seed: number, { light = 0 } = {}) {
  const random = seededRandom(seed);
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  const direction = (): number[] =>
    Array.from({ length: DIMENSIONS }, () => normal() / Math.sqrt(DIMENSIONS));
  const image = (person: readonly number[]): number[] => {
    const look = direction().map((v, d) => 1.2 * v + person[d]!);
    return light === 0 ? look : look.map((v, d) => (d < LIGHT_DIMENSIONS ? v + light * normal() : v));
  };
  const labels = Array.from({ length: 600 }, (_, i) => i % 30);
  const people = Array.from({ length: 30 }, direction);
  const noise = injectNoise(labels, { kind: 'mixed', rate, seed, outsiders: 300 });
  const rows = Array.from(noise.image, (shown) => image(shown < 0 ? direction() : people[labels[shown]!]!));
  const input = { embeddings: Float32Array.from(rows.flat()), dimensions: DIMENSIONS, labels: noise.label };
  return { bad: noise.bad, input };
}

function judged({ input }: ReturnType<typeof overlappingFaces>) {
  const { embeddings, dimensions, labels } = input;
  // What is judged by is the embeddings alone: any sub-centres do.
  const weights = new Float32Array(30 * dimensions).fill(1);
  const subcenters = { weights, subcenters: 1, dimensions, classOrder: 'label' } as const;
  return withStrangerScores(score({ embeddings, dimensions, labels, subcenters }), input);
}

const f1 = (verdicts: readonly string[], bad: Uint8Array): number => {
  const count = (is: (i: number) => boolean) => verdicts.filter((_, i) => is(i)).length;
  const both = count((i) => verdicts[i] === 'drop' && bad[i] === 1);
  const [dropped, all] = [count((i) => verdicts[i] === 'drop'), count((i) => bad[i] === 1)];
  return confusionMetrics(both, dropped - both, all - both).f1!;
};

describe('the rule self-trained', () => {
  it.each([0.1, 0.2, 0.4])('finds a share of %d and knows how many there are', (rate) => {
    const faces = overlappingFaces(rate, 3);
    const audit = judged(faces);
    const { verdicts, reasons } = decide(audit, { kind: 'self-trained' });
    expect(Math.abs(audit.strangers.share - rate)).toBeLessThan(0.1);
    expect(f1(verdicts, faces.bad)).toBeGreaterThan(0.95);
    expect(new Set(reasons)).toEqual(new Set(['self-trained']));
  });

  it('looks past what the images of all people differ in', () => {
    const faces = overlappingFaces(0.4, 3, { light: 0.4 });
    const { verdicts } = decide(judged(faces), { kind: 'self-trained' });
    // Without whitening it is .93.
    expect(f1(verdicts, faces.bad)).toBeGreaterThan(0.96);
  });

  it('leaves clean faces alone', () => {
    expect(decide(judged(overlappingFaces(0, 4)), { kind: 'self-trained' }).dropped).toBeLessThanOrEqual(1);
  });

  it('goes by the recorded training where that shows wrong labels and the embeddings do not', () => {
    const audit = judged(overlappingFaces(0, 5));
    const bad = Uint8Array.from(audit.labels, (_, i) => Number(i % 5 === 0));
    const random = seededRandom(6);
    const epochs = Array.from({ length: 10 }, (_, epoch) => ({
      own: Array.from(
        bad,
        (isBad) => 0.7 * (1 - Math.exp(isBad ? -epoch / 6 : -epoch)) + 0.1 * random.uniform(),
      ),
      other: Array.from(bad, () => 0.3),
    }));
    const recorded = withTrainingMargins(audit, { epochs });
    expect([audit, recorded].map(isLearnedByHeart)).toEqual([false, true]);
    const decision = decide(recorded, { kind: 'self-trained' });
    expect(decision.reasons[0]).toBe('self-trained:by-heart');
    expect(f1(decision.verdicts, bad)).toBeGreaterThan(0.95);
  });

  it('refuses an audit without its scores', () => {
    const { strangers: _, ...audit } = judged(overlappingFaces(0, 7));
    expect(() => decide(audit, { kind: 'self-trained' })).toThrow(/withStrangerScores/);
  });
});

it('a cut is somewhere between none and all, and probabilities fall with likeness', () => {
  const value = fc.double({ min: -5, max: 5, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(fc.oneof(value, fc.constant(Number.NaN)), { maxLength: 60 }),
      fc.array(value, { maxLength: 60 }),
      (likeness, strangers) => {
        const both = { images: Float64Array.from(likeness), strangers: Float64Array.from(strangers) };
        const { cut, share, pBad } = strangerCut(both, both);
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
        expect(Number.isNaN(cut)).toBe(false);
        const ranked = likeness.map((l, i) => [l, pBad[i]!] as const).filter(([l]) => !Number.isNaN(l));
        for (const [a, pA] of ranked)
          for (const [b, pB] of ranked) if (a < b) expect(pA).toBeGreaterThanOrEqual(pB);
        expect([...pBad].every((p) => p >= 0 && p <= 1)).toBe(true);
      },
    ),
  );
});
