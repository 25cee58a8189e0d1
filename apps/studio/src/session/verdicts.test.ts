import { readFileSync } from 'node:fs';
import {
  AuditColumnsBuilder,
  auditFromColumns,
  decide,
  identitiesFromLabels,
  keyAt,
  type PersonalDecision,
} from '@arcface/cleaner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outcomeOf, type RowDecision, ruleVerdicts, type StudioRule } from './verdicts.ts';

const builder = new AuditColumnsBuilder();
for (const line of readFileSync(new URL('../../sample/audit.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')) {
  builder.add(JSON.parse(line));
}
const columns = builder.finish();
const { audit } = auditFromColumns(columns, {
  length: columns.images,
  labels: columns.labels,
  identities: identitiesFromLabels(columns.labels),
  key: (image) => keyAt(columns.keys, image),
});
const positionOf = new Map(columns.identities.map(({ label }, position) => [label, position]));

const rule: fc.Arbitrary<StudioRule> = fc.oneof(
  fc.constant({ kind: 'recorded' } as const),
  fc.integer({ min: 0, max: 360 }).map((half) => ({ kind: 'angle', degrees: half / 2 }) as const),
);
const decision: fc.Arbitrary<RowDecision> = fc.oneof(
  fc.record({ decision: fc.constantFrom('keep' as const, 'drop' as const) }),
  fc.record({ decision: fc.constant('relabel' as const), label: fc.nat(31) }),
);
const decisions = fc
  .uniqueArray(fc.tuple(fc.nat(columns.images - 1), decision), { selector: ([row]) => row, maxLength: 40 })
  .map((entries) => new Map(entries));

describe('what the studio shows while a threshold is dragged', () => {
  it('is what the cleaner decides', () => {
    fc.assert(
      fc.property(rule, decisions, (each, decided) => {
        const shown = outcomeOf(columns, ruleVerdicts(columns, each), decided, positionOf);
        const personal = [...decided].map(
          ([row, { decision: what, label }]): PersonalDecision => ({
            key: keyAt(columns.keys, row),
            decision: what,
            label,
          }),
        );
        const done = decide(audit, each, { decisions: personal });
        expect([shown.kept, shown.dropped, shown.identities]).toEqual([
          done.kept,
          done.dropped,
          done.identitiesKept.length,
        ]);
        const kept = new Int32Array(columns.identities.length);
        for (const image of done.order) kept[done.identitiesKept[done.newLabels[image]!]!.position]!++;
        expect(shown.keptOf).toEqual(kept);
        expect(shown.relabelled).toBe(
          done.order.reduce(
            (sum, image) =>
              sum +
              Number(done.identitiesKept[done.newLabels[image]!]!.position !== columns.identityOf[image]),
            0,
          ),
        );
      }),
    );
  });
});
