import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditRows } from './audit-row.ts';
import type { AutoScores } from './auto/auto-scores.ts';
import { type DecideOptions, type Decision, decide } from './decide.ts';
import { identitiesFromLabels } from './identity.ts';
import { AuditColumnsBuilder } from './recorded/audit-columns.ts';
import { auditFromColumns } from './recorded/audit-from-columns.ts';
import type { RuleGuards } from './rules/rule.ts';
import { type Audit, score } from './score.ts';

interface Proposed {
  /** The label of every image, from 0. */
  readonly labels: readonly number[];
  /** Images that go by the rule. */
  readonly bad?: readonly number[];
  /** Images that show another identity, and its label. */
  readonly elsewhere?: readonly (readonly [image: number, label: number])[];
  /** Images that show a second person of their folder. */
  readonly second?: readonly number[];
  /** Labels of identities that are one person, the one that stays first. */
  readonly merges?: readonly (readonly [number, number])[];
}

/** An audit whose automatic rule says just that. */
function auditOf({ labels, bad = [], elsewhere = [], second = [], merges = [] }: Proposed) {
  const images = labels.length;
  const identities = identitiesFromLabels(labels);
  const other = new Map(elsewhere);
  const audit = score({
    embeddings: new Float32Array(images).fill(1),
    dimensions: 1,
    labels: Int32Array.from(labels),
    identities,
    subcenters: {
      weights: new Float32Array(identities.length).fill(1),
      subcenters: 1,
      dimensions: 1,
      classOrder: 'position',
    },
    trustClassOrder: true,
  });
  const splits = identities.flatMap(({ label, images: own }) => {
    const seconds = own.filter((image) => second.includes(image) && !other.has(image));
    return seconds.length === 0 ? [] : [{ label, person: 1, images: seconds, likeness: 0, probability: 0.9 }];
  });
  const pElsewhere = Float64Array.from(labels, (_, i) => (other.has(i) ? 0.9 : 0));
  const pClean = Float64Array.from(labels, (_, i) => (other.has(i) ? 0.1 : bad.includes(i) ? 0.2 : 1));
  const auto: AutoScores = {
    linkCut: 0.5,
    pClean,
    pOutsider: pClean.map((p, i) => 1 - p - pElsewhere[i]!),
    pElsewhere,
    elsewhere: Int32Array.from(labels, (label, i) => other.get(i) ?? label),
    secondPerson: Int32Array.from(labels, (_, i) => Number(second.includes(i))),
    modes: [],
    merges: merges.map((pair) => ({ labels: pair, cosine: 0.9, likeness: 1, probability: 0.9 })),
    splits,
  };
  return { ...audit, auto };
}

/** The images of every identity of the output. */
function groups({ identitiesKept, newLabels }: Decision): number[][] {
  return identitiesKept.map((_, label) => [...newLabels.keys()].filter((i) => newLabels[i] === label));
}

const ALL = ['relabel', 'split', 'merge'] as const;

describe('identities that are merged', () => {
  const audit = auditOf({ labels: [0, 0, 1, 1, 2, 2], bad: [2, 5], merges: [[0, 1]] });

  it('have their images together, those too that a person keeps or moves there', () => {
    const decisions = [
      { key: 2, decision: 'keep' },
      { key: 4, decision: 'relabel', label: 1 },
    ] as const;
    const decision = decide(audit, { kind: 'auto' }, { apply: ['merge'], decisions });
    expect(decision.verdicts).toEqual(['keep', 'keep', 'keep', 'keep', 'keep', 'drop']);
    expect(groups(decision)).toEqual([[0, 1, 2, 3, 4]]);
    expect(decide(audit, { kind: 'auto' }, { decisions }).identitiesKept).toHaveLength(2);
  });

  it('stay together when the audit is done again', () => {
    const first = decide(audit, { kind: 'auto' }, { apply: ['merge'] });
    const keep = [{ key: 2, decision: 'keep' }] as const;
    const again = decide(recorded(audit, first), { kind: 'recorded' }, { decisions: keep });
    expect(groups(again)).toEqual([[0, 1, 2, 3], [4]]);
  });

  it('are joined in a chain, and what goes to one of them goes with it', () => {
    const chained = auditOf({
      labels: [0, 0, 1, 1, 2, 2, 3, 3],
      elsewhere: [[7, 2]],
      merges: [
        [0, 1],
        [1, 2],
      ],
    });
    expect(groups(decide(chained, { kind: 'auto' }, { apply: ALL }))).toEqual([[0, 1, 2, 3, 4, 5, 7], [6]]);
  });
});

describe('keepAtLeast', () => {
  it('counts what is left of an identity, not what has gone to another', () => {
    const audit = auditOf({
      labels: [0, 0, 0, 0, 1, 1],
      bad: [2, 3],
      elsewhere: [
        [0, 1],
        [1, 1],
      ],
    });
    const keepAtLeast = 2;
    const decision = decide(audit, { kind: 'auto', keepAtLeast }, { apply: ['relabel'] });
    expect(decision.reasons.slice(2, 4)).toEqual(['auto:last-image', 'keep-at-least']);
    expect(groups(decision)).toEqual([
      [2, 3],
      [0, 1, 4, 5],
    ]);
  });

  it('asks of merged identities together what it asks of one', () => {
    const audit = auditOf({ labels: [0, 0, 1, 1], bad: [1, 3], merges: [[0, 1]] });
    const rule = { kind: 'auto', keepAtLeast: 2 } as const;
    expect(decide(audit, rule).unresolved).toBe(2);
    const merged = decide(audit, rule, { apply: ['merge'] });
    expect(merged.unresolved).toBe(0);
    expect(groups(merged)).toEqual([[0, 2]]);
    const again = decide(recorded(audit, merged), { kind: 'recorded', keepAtLeast: 4 });
    expect(groups(again)).toEqual([[0, 1, 2, 3]]);
  });
});

/** The audit as its rows have it. */
function recorded(audit: Audit, decision: Decision): Audit {
  const builder = new AuditColumnsBuilder();
  for (const row of auditRows(audit, decision)) builder.add(JSON.parse(JSON.stringify(row)));
  const { identities, labels, images: length, key } = audit;
  return auditFromColumns(builder.finish(), { length, labels, identities, key }).audit;
}

describe('whatever is proposed, applied and decided', () => {
  const PEOPLE = 5;
  const image = fc.record({
    label: fc.nat(PEOPLE - 1),
    bad: fc.boolean(),
    second: fc.boolean(),
    elsewhere: fc.option(fc.nat(PEOPLE - 2), { nil: undefined }),
    person: fc.option(fc.constantFrom('keep', 'drop', 'relabel' as const), { nil: undefined }),
    newLabel: fc.nat(PEOPLE - 1),
  });
  const cases = fc.record({
    images: fc.array(image, { minLength: 1, maxLength: 30 }),
    merges: fc.array(fc.tuple(fc.nat(PEOPLE - 1), fc.nat(PEOPLE - 2)), { maxLength: 5 }),
    apply: fc.subarray([...ALL]),
    guards: fc.record({ keepAtLeast: fc.nat(3), dropIdentitiesUnder: fc.nat(3) }),
  });

  function decided({
    images,
    merges,
    apply,
    guards,
  }: typeof cases extends fc.Arbitrary<infer T> ? T : never) {
    const labels = images.map(({ label }) => label);
    const has = new Set(labels);
    // Another than the own one, of those that there are.
    const another = (label: number, i: number): number => (label + 1 + i) % PEOPLE;
    const audit = auditOf({
      labels,
      bad: [...images.keys()].filter((i) => images[i]!.bad),
      second: [...images.keys()].filter((i) => images[i]!.second),
      elsewhere: images.flatMap(({ label, elsewhere }, i) =>
        elsewhere === undefined || !has.has(another(label, elsewhere))
          ? []
          : [[i, another(label, elsewhere)]],
      ),
      merges: merges
        .map(([first, i]) => [first, another(first, i)] as const)
        .filter((pair) => pair.every((label) => has.has(label))),
    });
    const decisions = images.flatMap(({ person, newLabel }, key) =>
      person === undefined || (person === 'relabel' && !has.has(newLabel))
        ? []
        : [{ key, decision: person, ...(person === 'relabel' ? { label: newLabel } : {}) }],
    );
    const options: DecideOptions = { apply, decisions };
    const rule: { readonly kind: 'auto' } & RuleGuards = { kind: 'auto', ...guards };
    return { audit, decisions, decision: decide(audit, rule, options) };
  }

  it('the output is a dataset, people have their way, and merged identities are one', () => {
    fc.assert(
      fc.property(cases, (each) => {
        const { audit, decisions, decision } = decided(each);
        const { order, newKeys, newLabels, identitiesKept, verdicts, reasons } = decision;
        expect(Array.from(order, (i) => newKeys[i])).toEqual(Array.from(order, (_, i) => i + 1));
        expect([...new Set(Array.from(order, (i) => newLabels[i]!))]).toEqual([...identitiesKept.keys()]);
        const places = identitiesKept.map(({ position, person }) => `${position} ${person}`);
        expect(new Set(places).size).toBe(places.length);
        for (const { key, decision: wanted } of decisions) {
          if (wanted === 'drop') expect(verdicts[key]).toBe('drop');
          else if (reasons[key] !== 'small-identity') expect(verdicts[key]).toBe('keep');
        }
        if (!each.apply.includes('merge')) return;
        const first = identitiesKept.filter(({ person }) => person === 0).map(({ position }) => position);
        for (const { labels } of audit.auto.merges) {
          const both = labels.map((label) => audit.identities.findIndex((it) => it.label === label));
          expect(both.filter((position) => first.includes(position)).length).toBeLessThan(2);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is done again from its rows', () => {
    fc.assert(
      fc.property(cases, (each) => {
        const { audit, decision } = decided(each);
        const again = decide(recorded(audit, decision), { kind: 'recorded' });
        for (const part of ['verdicts', 'reasons', 'order', 'newLabels', 'identitiesKept'] as const) {
          expect(again[part]).toEqual(decision[part]);
        }
      }),
      { numRuns: 300 },
    );
  });
});
