import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CleanerError } from '../cleaner-error.ts';
import { type DecisionsFile, mergeDecisions, parseDecisions, serializeDecisions } from './decisions-file.ts';
import type { PersonalDecision } from './personal-decisions.ts';

const key = fc.oneof(fc.nat(), fc.string());
const decision: fc.Arbitrary<PersonalDecision> = fc.oneof(
  fc.record({ key, decision: fc.constantFrom('keep' as const, 'drop' as const) }),
  fc.record({ key, decision: fc.constant('relabel' as const), label: fc.nat() }),
);
const decisions = fc.uniqueArray(decision, { selector: (each) => String(each.key) });

describe('a decisions file', () => {
  it('comes back as it was written', () => {
    const file: fc.Arbitrary<DecisionsFile> = fc.record(
      {
        reviewer: fc.string({ minLength: 1 }),
        rule: fc.constantFrom({ kind: 'angle', degrees: 72.5 } as const, { kind: 'recorded' } as const),
        decisions,
      },
      { requiredKeys: ['decisions'] },
    );
    fc.assert(
      fc.property(file, (each) => {
        expect(parseDecisions(serializeDecisions(each))).toEqual(each);
      }),
    );
  });

  it('may be a list without a header, with unknown fields, blank lines and a byte order mark', () => {
    const text =
      '\uFEFF{"key":"a/1.jpg","decision":"drop","note":"blurred"}\r\n\r\n{"key":7,"decision":"relabel","label":3}\n';
    expect(parseDecisions(text)).toEqual({
      decisions: [
        { key: 'a/1.jpg', decision: 'drop' },
        { key: 7, decision: 'relabel', label: 3 },
      ],
    });
  });

  it.each([
    ['{"key":1,"decision":"drop"}\n{"key":"1","decision":"keep"}', 'line 2: the key "1" is decided on twice'],
    ['{"key":1,"decision":"relabel"}', 'line 1: relabel needs a whole number as label'],
    ['{"key":1,"decision":"relabel","label":" "}', 'line 1: relabel needs a whole number as label'],
    ['{"key":1,"decision":"relabel","label":true}', 'line 1: relabel needs a whole number as label'],
    ['{"decision":"drop"}', 'line 1: there is no key'],
    ['{"key":1,"decision":"burn"}', 'line 1: decision must be keep, drop or relabel, found "burn"'],
    ['[]', 'line 1: not a JSON object'],
    ['{"format":"other"}', 'line 1: format must be arcface-decisions, found "other"'],
    ['{"format":"arcface-decisions","version":2}', 'line 1: version must be 1, found 2'],
    [
      '{"format":"arcface-decisions","version":1,"rule":{"kind":"angle","degrees":200}}',
      'line 1: rule.degrees must be a number from 0 to 180, found 200',
    ],
  ])('is refused, with the line: %s', (text, message) => {
    expect(() => parseDecisions(text)).toThrow(message);
  });

  it('is parsed or refused, whatever it holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseDecisions(text);
        } catch (error) {
          expect(error).toBeInstanceOf(CleanerError);
        }
      }),
    );
  });
});

describe("two people's decisions", () => {
  it('conflict where they differ on an image, and add up everywhere else', () => {
    const ours: PersonalDecision[] = [
      { key: 1, decision: 'drop' },
      { key: 2, decision: 'keep' },
      { key: 3, decision: 'relabel', label: 4 },
    ];
    const theirs: PersonalDecision[] = [
      { key: '1', decision: 'drop' },
      { key: 3, decision: 'relabel', label: 5 },
      { key: 9, decision: 'drop' },
    ];
    expect(mergeDecisions(ours, theirs)).toEqual({
      agreed: [ours[0], ours[1], theirs[2]],
      conflicts: [{ key: 3, ours: ours[2], theirs: theirs[1] }],
    });
  });

  it('are the same whoever merges, and never lost', () => {
    fc.assert(
      fc.property(decisions, decisions, (a, b) => {
        const ab = mergeDecisions(a, b);
        const ba = mergeDecisions(b, a);
        const keys = (all: readonly { readonly key: number | string }[]) =>
          all.map((d) => String(d.key)).sort();
        expect(keys(ab.agreed)).toEqual(keys(ba.agreed));
        expect(keys(ab.conflicts)).toEqual(keys(ba.conflicts));
        expect(new Set([...keys(ab.agreed), ...keys(ab.conflicts)])).toEqual(
          new Set([...keys(a), ...keys(b)]),
        );
      }),
    );
  });
});
