import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CleanerError } from './cleaner-error.ts';
import { injectNoise, type NoiseKind } from './noise-injection.ts';

/** Sixty identities with labels 3, 6, 9, ... and 5 to 24 images each. */
const labels = Int32Array.from(
  Array.from({ length: 60 }, (_, person) => Array<number>(5 + (person % 20)).fill(3 * (person + 1))).flat(),
);
const known = new Set(labels);

describe('injectNoise', () => {
  it('is the same for the same seed, another for another', () => {
    const at = (seed: number) => injectNoise(labels, { kind: 'mixed', rate: 0.4, seed, outsiders: 999 });
    expect(at(1)).toEqual(at(1));
    expect(at(2).bad).not.toEqual(at(1).bad);
  });

  it('spoils as many images as asked, in the way asked', () => {
    const outsiderShare: [NoiseKind, number][] = [
      ['open', 1],
      ['closed', 0],
      ['mixed', 0.5],
      ['uneven', 0.5],
      ['pairs', 0],
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...outsiderShare),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(),
        ([kind, share], rate, seed) => {
          const noisy = injectNoise(labels, { kind, rate, seed, outsiders: labels.length });
          const bad = Math.floor(labels.length * rate);
          const strangers = [...noisy.outsider].filter((index) => index >= 0);
          expect(noisy.bad.reduce((a, b) => a + b, 0)).toBe(bad);
          expect(strangers.length).toBe(Math.floor(bad * share));
          expect(new Set(strangers).size).toBe(strangers.length);
          noisy.label.forEach((label, i) => {
            expect(known.has(label)).toBe(true);
            if (noisy.outsider[i]! >= 0) {
              expect([noisy.image[i], noisy.trueLabel[i], label]).toEqual([-1, -1, labels[i]]);
            } else {
              expect([noisy.image[i], noisy.trueLabel[i]]).toEqual([i, labels[i]]);
            }
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it('sends the swapped images of one identity to one other', () => {
    const { label, trueLabel, bad } = injectNoise(labels, { kind: 'pairs', rate: 0.5, seed: 3 });
    const targets = new Map<number, Set<number>>();
    label.forEach((given, i) => {
      if (bad[i]) targets.set(trueLabel[i]!, (targets.get(trueLabel[i]!) ?? new Set()).add(given));
    });
    expect([...targets.values()].every((set) => set.size === 1)).toBe(true);
    expect(new Set([...targets.values()].flatMap((set) => [...set])).size).toBe(targets.size);
  });

  it('joins folders of two people, the smaller part bad', () => {
    const { image, label, trueLabel, bad } = injectNoise(labels, {
      kind: 'merge',
      rate: 0.3,
      seed: 1,
      merges: 10,
    });
    const joined = new Set([...label].filter((_, i) => bad[i]));
    expect(joined.size).toBe(10);
    expect(new Set(label).size).toBe(known.size - 10);
    for (const person of joined) {
      const members = [...label.keys()].filter((i) => label[i] === person);
      const share = members.filter((i) => bad[i]).length / members.length;
      expect(Math.abs(share - 0.3)).toBeLessThan(0.5 / members.length + 0.05);
      expect(members.filter((i) => bad[i]).every((i) => trueLabel[i] === -1)).toBe(true);
      expect(new Set(members.map((i) => labels[image[i]!])).size).toBe(2);
    }
  });

  it('leaves an image of every second person, however small their share', () => {
    const { bad, label } = injectNoise(labels, { kind: 'merge', rate: 0.001, seed: 2, merges: 10 });
    expect(new Set([...label].filter((_, i) => bad[i])).size).toBe(10);
    expect(bad.reduce((a, b) => a + b, 0)).toBe(10);
  });

  it('refuses what cannot be done', () => {
    const refused = (options: Parameters<typeof injectNoise>[1], data: ArrayLike<number> = labels): void => {
      expect(() => injectNoise(data, options)).toThrow(CleanerError);
    };
    refused({ kind: 'open', rate: 0.5 });
    refused({ kind: 'open', rate: 1.1, outsiders: 1e4 });
    refused({ kind: 'closed', rate: 0.5 }, [1, 1, 1]);
    refused({ kind: 'merge', rate: 0.6 });
    refused({ kind: 'merge', rate: 0.3 }, [1, 1, 2, 2]);
    refused({ kind: 'other' as NoiseKind, rate: 0.3 });
  });
});
