import { readFileSync } from 'node:fs';
import {
  AuditColumnsBuilder,
  type AuditRow,
  auditFromColumns,
  decide,
  identitiesFromLabels,
  keyAt,
  type PersonalDecision,
} from '@arcface/cleaner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outcomeOf, type RowDecision, recordedMoves, ruleVerdicts, type StudioRule } from './verdicts.ts';

const SAMPLE = readFileSync(new URL('../../sample/audit.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as AuditRow);

function opened(rows: readonly object[]) {
  const builder = new AuditColumnsBuilder();
  for (const row of rows) builder.add(row);
  const columns = builder.finish();
  const { audit } = auditFromColumns(columns, {
    length: columns.images,
    labels: columns.labels,
    identities: identitiesFromLabels(columns.labels),
    key: (image) => keyAt(columns.keys, image),
  });
  const positionOf = new Map(columns.identities.map(({ label }, position) => [label, position]));
  return { columns, audit, positionOf, moves: recordedMoves(columns, positionOf) };
}

/** As if proposals had been carried out in it. */
const MOVED = SAMPLE.map((row, i) => {
  if (row.decision === 'drop') return row;
  if (i % 11 === 0) return { ...row, rule: 'relabel', movedTo: (row.label + 1) % 32 };
  if (i % 13 === 0) return { ...row, rule: 'split', splitPerson: 1 + (i % 2) };
  return row.label === 5 ? { ...row, rule: 'merge', movedTo: 9 } : row;
});

const rule: fc.Arbitrary<StudioRule> = fc.oneof(
  fc.constant({ kind: 'recorded' } as const),
  fc.integer({ min: 0, max: 360 }).map((half) => ({ kind: 'angle', degrees: half / 2 }) as const),
);
const decision: fc.Arbitrary<RowDecision> = fc.oneof(
  fc.record({ decision: fc.constantFrom('keep' as const, 'drop' as const) }),
  fc.record({ decision: fc.constant('relabel' as const), label: fc.nat(31) }),
);
const decisions = fc
  .uniqueArray(fc.tuple(fc.nat(SAMPLE.length - 1), decision), { selector: ([row]) => row, maxLength: 40 })
  .map((entries) => new Map(entries));

describe('what the studio shows while a threshold is dragged', () => {
  it.each([
    ['an audit', SAMPLE],
    ['an audit that moved images', MOVED],
  ])('is what the cleaner decides: %s', (_, rows) => {
    const { columns, audit, positionOf, moves } = opened(rows);
    expect(moves === undefined).toBe(rows === SAMPLE);
    fc.assert(
      fc.property(rule, decisions, (each, decided) => {
        const shown = outcomeOf(columns, {
          verdicts: ruleVerdicts(columns, each),
          moves: each.kind === 'recorded' ? moves : undefined,
          decisions: decided,
          positionOf,
        });
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
        const goesTo = (image: number) => done.identitiesKept[done.newLabels[image]!]!;
        const kept = new Int32Array(columns.identities.length);
        let moved = 0;
        for (const image of done.order) {
          const { position, person } = goesTo(image);
          if (person === 0) kept[position]!++;
          moved += Number(person > 0 || position !== columns.identityOf[image]);
        }
        expect(shown.keptOf.subarray(0, kept.length)).toEqual(kept);
        expect(shown.relabelled).toBe(moved);
      }),
      { numRuns: 60 },
    );
  });
});
