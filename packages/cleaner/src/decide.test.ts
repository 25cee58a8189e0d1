import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { angleHistogram } from './angle-histogram.ts';
import { auditLine, auditRow, auditRows } from './audit-row.ts';
import { summarise } from './audit-summary.ts';
import { CleanerError } from './cleaner-error.ts';
import { decide } from './decide.ts';
import type { PersonalDecision } from './decisions/personal-decisions.ts';
import type { Rule } from './rules/rule.ts';
import { type Audit, score } from './score.ts';
import { sweepThresholds } from './threshold-sweep.ts';

/** Images in the plane at the given angles from their identity's first sub-centre; the second is at 180 degrees. */
function auditOf(images: { label: number; degrees: number }[]): Audit {
  const classes = Math.max(0, ...images.map(({ label }) => label)) + 1;
  return score({
    embeddings: Float32Array.from(
      images.flatMap(({ degrees }) => [
        Math.cos((degrees * Math.PI) / 180),
        Math.sin((degrees * Math.PI) / 180),
      ]),
    ),
    dimensions: 2,
    labels: Int32Array.from(images, ({ label }) => label),
    subcenters: {
      weights: Float32Array.from({ length: classes * 4 }, (_, i) => [1, 0, -1, 0][i % 4]!),
      subcenters: 2,
      dimensions: 2,
      classOrder: 'label',
    },
    key: (image) => `image-${image}`,
  });
}

const five = auditOf([
  { label: 1, degrees: 10 },
  { label: 0, degrees: 80 },
  { label: 1, degrees: 20 },
  { label: 2, degrees: 30 },
  { label: 1, degrees: 100 },
]);

describe('decide', () => {
  it('drops, closes up labels, and orders by identity', () => {
    const decision = decide(five, { kind: 'angle', degrees: 75 });
    expect(decision.verdicts).toEqual(['keep', 'drop', 'keep', 'keep', 'drop']);
    expect([...decision.order]).toEqual([0, 2, 3]);
    expect([...decision.newLabels]).toEqual([0, -1, 0, 1, -1]);
    expect([...decision.newKeys]).toEqual([1, -1, 2, 3, -1]);
    expect(decision.identitiesKept).toEqual([
      { position: 1, person: 0 },
      { position: 2, person: 0 },
    ]);
    expect(decision.suspicion[1]).toBeCloseTo(80, 4);
  });

  it('compares strictly: an image exactly at the threshold goes', () => {
    const exact = auditOf([{ label: 0, degrees: 0 }]);
    expect(decide(exact, { kind: 'angle', degrees: 0 }).kept).toBe(0);
    expect(decide(exact, { kind: 'angle', degrees: 1 }).kept).toBe(1);
  });

  it('can require the dominant sub-centre', () => {
    const rule = { kind: 'angle', degrees: 120 } as const;
    expect(decide(five, rule).verdicts[4]).toBe('keep');
    const strict = decide(five, { ...rule, requireDominant: true });
    expect(strict.verdicts[4]).toBe('drop');
    expect(strict.reasons[4]).toBe('angle:dominant');
  });

  it('can keep at least so many images of an identity, marked unresolved', () => {
    const decision = decide(five, { kind: 'angle', degrees: 15, keepAtLeast: 2 });
    expect(decision.verdicts).toEqual(['keep', 'unresolved', 'unresolved', 'unresolved', 'drop']);
    expect(decision.reasons[1]).toBe('keep-at-least');
    expect(decision).toMatchObject({ kept: 4, dropped: 1, unresolved: 3 });
  });

  it('can drop small identities', () => {
    const decision = decide(five, { kind: 'angle', degrees: 75, dropIdentitiesUnder: 2 });
    expect(decision.verdicts).toEqual(['keep', 'drop', 'keep', 'drop', 'drop']);
    expect(decision.reasons[3]).toBe('small-identity');
    expect(decision.identitiesKept).toEqual([{ position: 1, person: 0 }]);
  });

  it('can drop a share of the furthest, of all or of each identity', () => {
    const all = decide(five, { kind: 'quantile', share: 0.4 });
    expect(all.dropped).toBe(2);
    expect(all.verdicts[4]).toBe('drop');
    const each = decide(five, { kind: 'quantile', share: 0.5, within: 'identity' });
    for (const { images } of five.identities) {
      const dropped = [...images].filter((image) => each.verdicts[image] === 'drop');
      expect(dropped).toHaveLength(Math.floor(images.length / 2));
      const kept = [...images].filter((image) => each.verdicts[image] !== 'drop');
      for (const d of dropped)
        for (const k of kept) expect(five.cosine[d]).toBeLessThanOrEqual(five.cosine[k]!);
    }
  });

  it('drops the share that was asked for, though its product is a little less in floats', () => {
    const hundred = auditOf(Array.from({ length: 100 }, (_, i) => ({ label: 0, degrees: i })));
    expect(100 * 0.29).toBeLessThan(29);
    expect(decide(hundred, { kind: 'quantile', share: 0.29 }).dropped).toBe(29);
    expect(decide(hundred, { kind: 'quantile', share: 0.299 }).dropped).toBe(29);
  });

  it('lets a person overrule the rule, not the guard on whole identities', () => {
    const rule = { kind: 'angle', degrees: 75 } as const;
    const decisions = [
      { key: 'image-0', decision: 'drop' },
      { key: 'image-1', decision: 'keep' },
      { key: 'image-4', decision: 'relabel', label: 1 },
    ] as const;
    const decision = decide(five, rule, { decisions });
    expect(decision.verdicts).toEqual(['drop', 'keep', 'keep', 'keep', 'keep']);
    expect(decision.reasons).toEqual(['person', 'person', 'angle', 'angle', 'person']);
    expect(decision.newLabels[4]).toBe(decision.newLabels[2]);
    const strict = decide(five, { ...rule, keepAtLeast: 5, dropIdentitiesUnder: 2 }, { decisions });
    expect(strict.verdicts[0]).toBe('drop');
    expect(strict.reasons[1]).toBe('small-identity');
  });

  it.each([
    [{ key: 'image-9', decision: 'keep' }, /decision 1 \(key "image-9"\): there is no image with this key/],
    [{ key: 'image-0', decision: 'relabel' }, /needs the label of an identity, found none/],
    [{ key: 'image-0', decision: 'relabel', label: 7 }, /needs the label of an identity, found 7/],
    [{ key: 'image-0', decision: 'burn' }, /expected keep, drop or relabel, found "burn"/],
  ])('refuses a decision that cannot be carried out: %o', (decision, message) => {
    const decisions = [decision as PersonalDecision];
    expect(() => decide(five, { kind: 'angle', degrees: 75 }, { decisions })).toThrow(message);
  });

  it('refuses a decision on a key that several images have', () => {
    const twins = { ...five, key: (image: number) => `image-${image % 2}` };
    const drop = (key: string) =>
      decide(twins, { kind: 'angle', degrees: 75 }, { decisions: [{ key, decision: 'drop' }] });
    expect(() => drop('image-0')).toThrow(/key "image-0"\): several images have this key/);
  });

  it('refuses rules that make no sense', () => {
    const refused = (rule: unknown, code: string): void => {
      try {
        decide(five, rule as Rule);
      } catch (error) {
        expect((error as CleanerError).code).toBe(code);
        expect(error).toBeInstanceOf(CleanerError);
        return;
      }
      expect.unreachable();
    };
    refused({ kind: 'angle', degrees: 181 }, 'invalid-option');
    refused({ kind: 'angle', degrees: Number.NaN }, 'invalid-option');
    refused({ kind: 'angle' }, 'invalid-option');
    refused({ kind: 'otsu' }, 'invalid-option');
    refused({ kind: 'angle', degrees: 75, keepAtLeast: -1 }, 'invalid-option');
    refused({ kind: 'quantile', share: 1.1 }, 'invalid-option');
    refused({ kind: 'quantile', share: 0.1, within: 'folder' }, 'invalid-option');
    refused({ kind: 'auto' }, 'scores-missing');
    refused({ kind: 'aum' }, 'scores-missing');
  });

  it('keeps its promises for any data', () => {
    const images = fc.array(
      fc.record({ label: fc.nat({ max: 5 }), degrees: fc.integer({ min: -180, max: 180 }) }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(
        images,
        fc.nat({ max: 180 }),
        fc.nat({ max: 3 }),
        fc.nat({ max: 3 }),
        (all, degrees, most, least) => {
          const audit = auditOf(all);
          const decision = decide(audit, {
            kind: 'angle',
            degrees,
            keepAtLeast: most,
            dropIdentitiesUnder: least,
          });
          expect(decision.kept + decision.dropped).toBe(all.length);
          // New keys count the output; new labels count up by one or stay.
          expect([...decision.order].map((image) => decision.newKeys[image])).toEqual(
            [...decision.order].map((_, i) => i + 1),
          );
          const labels = [...decision.order].map((image) => decision.newLabels[image]!);
          labels.forEach((label, i) => {
            const before = i === 0 ? -1 : labels[i - 1]!;
            expect(label === before || label === before + 1).toBe(true);
          });
          for (const image of decision.order) {
            const kept = audit.identities[decision.identitiesKept[decision.newLabels[image]!]!.position]!;
            expect(kept.label).toBe(all[image]!.label);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('the audit', () => {
  it('has the keys that scripts rely on', () => {
    const decision = decide(five, { kind: 'angle', degrees: 75 });
    const row = auditRow(five, decision, 2);
    expect(row).toEqual({
      key: 'image-2',
      label: 1,
      votes: expect.any(Array),
      subcenter: 0,
      dominant: 0,
      angle: expect.closeTo(20, 4),
      angleNearest: expect.closeTo(20, 4),
      decision: 'keep',
      rule: 'angle',
      newKey: 2,
      newLabel: 0,
    });
    expect(Object.keys(auditRow(five, decision, 4))).not.toContain('newKey');
    expect([...auditRows(five, decision)].map(({ key }) => key)).toEqual(
      [0, 1, 2, 3, 4].map((i) => `image-${i}`),
    );
    expect(auditLine(row)).toMatch(/^\{"key":"image-2",.*\}\n$/);
  });

  it('has names where the identities have them', () => {
    const named = {
      ...five,
      identities: five.identities.map((identity) => ({ ...identity, name: `Person ${identity.label}` })),
    };
    expect(auditRow(named, decide(named, { kind: 'angle', degrees: 75 }), 1).identity).toBe('Person 0');
  });

  it('sums up', () => {
    expect(summarise(five, decide(five, { kind: 'angle', degrees: 75 }))).toMatchObject({
      images: 5,
      kept: 3,
      dropped: 2,
      unresolved: 0,
      identities: 3,
      identitiesKept: 2,
      identitiesLost: [0],
      dominantShare: 0.8,
    });
    // Whose only image goes to somebody else is gone; whoever got one is there.
    const decisions = [
      { key: 'image-3', decision: 'relabel', label: 0 },
      { key: 'image-1', decision: 'drop' },
    ] as const;
    expect(summarise(five, decide(five, { kind: 'angle', degrees: 75 }, { decisions }))).toMatchObject({
      identitiesKept: 2,
      identitiesLost: [2],
    });
  });

  it('counts angles in bins', () => {
    const { all, dominant } = angleHistogram(five, { binDegrees: 45 });
    expect([...all]).toEqual([3, 1, 1, 0]);
    expect([...dominant]).toEqual([3, 1, 0, 0]);
    expect(() => angleHistogram(five, { binDegrees: 0 })).toThrow(CleanerError);
  });

  it('sweeps thresholds as deciding at each would', () => {
    const bad = [0, 1, 0, 0, 1];
    for (const { degrees, ...point } of sweepThresholds(five, { bad })) {
      const decision = decide(five, { kind: 'angle', degrees });
      expect(point).toMatchObject({
        kept: decision.kept,
        dropped: decision.dropped,
        identitiesKept: decision.identitiesKept.length,
      });
    }
    expect(sweepThresholds(five, { bad, degrees: [75] })[0]!.metrics).toEqual({
      precision: 1,
      recall: 1,
      f1: 1,
    });
  });
});
