import { describe, expect, it } from 'vitest';
import { seededRandom } from '../seeded-random.ts';
import { angleEvidence, automaticAngle, expectedOutcome } from './expected-outcome.ts';

/** Angles of people around 45 degrees and of strangers around 86, and the truth. */
function angles({ good, bad, seed = 3 }: { good: number; bad: number; seed?: number }) {
  const { uniform: random } = seededRandom(seed);
  const normal = () => {
    const [u, v] = [1 - random(), random()];
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  };
  const isBad = Array.from({ length: good + bad }, (_, i) => i >= good);
  const degrees = isBad.map((stranger) => (stranger ? 86 + 6 * normal() : 45 + 8 * normal()));
  const cosine = Float64Array.from(degrees, (angle) => Math.cos((angle * Math.PI) / 180));
  return { images: cosine.length, cosine, degrees, isBad, pClean: undefined };
}

function measured({ degrees, isBad }: ReturnType<typeof angles>, threshold: number) {
  const dropped = isBad.filter((_, i) => degrees[i]! >= threshold);
  const right = dropped.filter(Boolean).length;
  return {
    dropped: dropped.length,
    precision: right / dropped.length,
    recall: right / isBad.filter(Boolean).length,
  };
}

describe('what may be expected of a threshold', () => {
  it('comes near the truth, from the shape of the histogram alone', () => {
    const images = angles({ good: 6000, bad: 2000 });
    const evidence = angleEvidence(images);
    expect(evidence.source).toBe('shape');
    for (const threshold of [55, 60, 65, 70, 75, 80]) {
      const expected = expectedOutcome(evidence, threshold);
      const truth = measured(images, threshold);
      expect(expected.dropped).toBe(truth.dropped);
      expect(Math.abs(expected.precision! - truth.precision)).toBeLessThan(0.03);
      expect(Math.abs(expected.recall! - truth.recall)).toBeLessThan(0.03);
    }
    const best = automaticAngle(evidence)!;
    const f1 = (threshold: number) => {
      const { precision, recall } = measured(images, threshold);
      return (2 * precision * recall) / (precision + recall);
    };
    expect(f1(best)).toBeGreaterThan(Math.max(...[60, 62, 64, 66, 68, 70, 72, 74].map(f1)) - 0.005);
  });

  it('is nothing where there is one hump, or next to no image', () => {
    for (const images of [
      angles({ good: 3000, bad: 0 }),
      angles({ good: 0, bad: 3000 }),
      angles({ good: 20, bad: 5 }),
    ]) {
      const evidence = angleEvidence(images);
      expect(evidence.source).toBe('none');
      expect(expectedOutcome(evidence, 60)).toMatchObject({ precision: null, recall: null, f1: null });
      expect(automaticAngle(evidence)).toBeUndefined();
    }
  });

  it("adds up the automatic rule's probabilities where there are some", () => {
    const cosine = Float64Array.from([30, 50, 80, 90, Number.NaN], (angle) =>
      Math.cos((angle * Math.PI) / 180),
    );
    const pClean = Float64Array.of(1, 0.9, 0.25, 0, Number.NaN);
    const evidence = angleEvidence({ images: 5, cosine, pClean }, { binDegrees: 10 });
    expect(evidence.source).toBe('probabilities');
    expect(evidence.count.reduce((a, b) => a + b)).toBe(4);
    const { kept, dropped, precision, recall } = expectedOutcome(evidence, 80);
    expect([kept, dropped]).toEqual([2, 2]);
    expect(precision).toBeCloseTo(1.75 / 2);
    expect(recall).toBeCloseTo(1.75 / 1.85);
    expect(automaticAngle(evidence)).toBe(60);
  });

  it('counts an angle that stands at a border behind it, as the rule drops it', () => {
    const cosine = Float64Array.from({ length: 361 }, (_, i) => Math.cos((i * 0.5 * Math.PI) / 180));
    const evidence = angleEvidence({ images: 361, cosine, pClean: undefined });
    expect([...evidence.count.subarray(0, 359)]).toEqual(Array(359).fill(1));
    expect(expectedOutcome(evidence, 75).kept).toBe(150);
  });
});
