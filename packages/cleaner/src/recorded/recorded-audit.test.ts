import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AuditRow, auditLine, auditRows } from '../audit-row.ts';
import type { AutoScores } from '../auto/auto-scores.ts';
import { CleanerError } from '../cleaner-error.ts';
import { decide } from '../decide.ts';
import { identitiesFromLabels } from '../identity.ts';
import { score } from '../score.ts';
import { seededRandom } from '../seeded-random.ts';
import { AuditColumnsBuilder } from './audit-columns.ts';
import { auditFromColumns } from './audit-from-columns.ts';
import { keyAt } from './key-column.ts';

/** Images around three sub-centres of each of a few identities, some of them far from all. */
function audited(keyOf: (image: number) => number | string = (image) => image + 1) {
  const { uniform: random } = seededRandom(7);
  const [identities, subcenters, dimensions, images] = [9, 3, 16, 400];
  const normal = () => random() + random() + random() - 1.5;
  const weights = Float32Array.from({ length: identities * subcenters * dimensions }, normal);
  const labels = Int32Array.from({ length: images }, () => 3 * Math.floor(random() * identities));
  const embeddings = new Float32Array(images * dimensions);
  labels.forEach((label, image) => {
    const row = (label / 3) * subcenters + Math.floor(random() ** 3 * subcenters);
    const stranger = random() < 0.2;
    for (let d = 0; d < dimensions; d++) {
      embeddings[image * dimensions + d] = (stranger ? 0 : weights[row * dimensions + d]!) + 0.5 * normal();
    }
  });
  const audit = score({
    embeddings,
    dimensions,
    labels,
    subcenters: { weights, subcenters, dimensions, classOrder: 'position' },
    trustClassOrder: true,
    key: keyOf,
  });
  const data = { length: images, labels, identities: identitiesFromLabels(labels), key: keyOf };
  return { audit, data };
}

/** Positions of identities that are one person. */
const MERGED = { into: 6, from: [5, 7] };

/** The same, with strangers to move, second persons in two folders, and three identities that are one person. */
function crowded() {
  const { audit, data } = audited();
  const { identities, images, identityOf } = audit;
  const elsewhere = (image: number): boolean => image % 17 === 0;
  const second = (position: number, person: number) => ({
    label: identities[position]!.label,
    person,
    images: identities[position]!.images.filter((image) => image % 4 === person && !elsewhere(image)),
    likeness: 0,
    probability: 0.9,
  });
  const merge = (a: number, b: number, probability: number) => ({
    labels: [identities[a]!.label, identities[b]!.label] as const,
    cosine: 0.9,
    likeness: 1,
    probability,
  });
  const perImage = (value: (image: number) => number) =>
    Float64Array.from({ length: images }, (_, i) => value(i));
  const auto: AutoScores = {
    linkCut: 0.5,
    pClean: perImage((image) => (elsewhere(image) ? 0.05 : image % 5 === 0 ? 0.1 : 0.9)),
    pOutsider: perImage((image) => (image % 5 === 0 ? 0.8 : 0.02)),
    pElsewhere: perImage((image) => (elsewhere(image) ? 0.9 : 0.02)),
    elsewhere: Int32Array.from(
      identityOf,
      (position) => identities[(position + 1) % identities.length]!.label,
    ),
    secondPerson: new Int32Array(images),
    modes: [],
    splits: [second(1, 1), second(1, 2), second(4, 1)],
    merges: [...MERGED.from.map((from) => merge(MERGED.into, from, 0.9)), merge(0, 2, 0.4)],
  };
  return { audit: { ...audit, auto }, data };
}

function columnsOf(rows: Iterable<object>) {
  const builder = new AuditColumnsBuilder();
  for (const row of rows) builder.add(JSON.parse(JSON.stringify(row)));
  return builder.finish();
}

describe('an audit that is read from its rows', () => {
  it.each([
    ['record keys', (image: number) => image + 1],
    ['paths', (image: number) => `Zoë/${image % 7}/${image}.jpg`],
    ['numbers and a path', (image: number) => (image === 300 ? 'late/300.jpg' : image)],
  ])('decides as the one that was written (%s)', (_, keyOf) => {
    const { audit, data } = audited(keyOf);
    const first = decide(audit, { kind: 'angle', degrees: 20, keepAtLeast: 20, requireDominant: true });
    const columns = columnsOf(auditRows(audit, first));
    expect(Array.from({ length: columns.images }, (_, row) => String(keyAt(columns.keys, row)))).toEqual(
      Array.from({ length: data.length }, (_, image) => String(keyOf(image))),
    );
    const { audit: again, positions } = auditFromColumns(columns, data);
    expect(positions).toEqual(Int32Array.from({ length: data.length }, (_, i) => i));
    const repeated = decide(again, { kind: 'recorded' });
    for (const part of ['verdicts', 'reasons', 'order', 'newKeys', 'newLabels'] as const) {
      expect(repeated[part]).toEqual(first[part]);
    }
    expect(first.unresolved).toBeGreaterThan(0);
    const angle = { kind: 'angle', degrees: 55.5, requireDominant: true } as const;
    expect(decide(again, angle).order).toEqual(decide(audit, angle).order);
    expect([...auditRows(again, repeated)].map(auditLine)).toEqual(
      [...auditRows(audit, first)].map(auditLine),
    );
  });

  it('finds the images whatever the order of the rows', () => {
    const { audit, data } = audited();
    const decision = decide(audit, { kind: 'angle', degrees: 62 });
    const { audit: again } = auditFromColumns(columnsOf([...auditRows(audit, decision)].reverse()), data);
    expect(decide(again, { kind: 'recorded' }).order).toEqual(decision.order);
  });

  it('leaves out what could not be decoded', () => {
    const { audit, data } = audited();
    const rows: object[] = [...auditRows(audit, decide(audit, { kind: 'angle', degrees: 62 }))];
    const { key, label } = rows[5] as AuditRow;
    const none = { subcenter: null, dominant: null, angle: null, angleNearest: null };
    rows[5] = { key, label, ...none, decision: 'drop', rule: 'undecodable' };
    const { audit: again, undecodable } = auditFromColumns(columnsOf(rows), data);
    expect([...undecodable]).toEqual([5]);
    expect(again.images).toBe(data.length - 1);
    expect(again.key(5)).toBe(data.key(6));
  });

  it('is refused when it is of other data, and the image is named', () => {
    const { audit, data } = audited();
    const columns = columnsOf(auditRows(audit, decide(audit, { kind: 'angle', degrees: 62 })));
    const fewer = { ...data, length: 399 };
    expect(() => auditFromColumns(columns, fewer)).toThrow('400 rows, but the dataset has 399 images');
    const renamed = { ...data, key: (image: number) => (image === 9 ? 'x.jpg' : data.key(image)) };
    expect(() => auditFromColumns(columns, renamed)).toThrow('image "x.jpg" has no row');
    const moved = { ...data, labels: data.labels.with(2, 25) };
    expect(() => auditFromColumns(columns, moved)).toThrow(/image 3 has label 25, but \d+ in the audit/);
  });

  it.each([[['relabel']], [['split']], [['merge']], [['relabel', 'split', 'merge']]] as const)(
    'repeats the proposals that were carried out in it: %j',
    (apply) => {
      const { audit, data } = crowded();
      const decisions = [
        { key: 3, decision: 'relabel', label: data.labels[300]! },
        { key: 4, decision: 'drop' },
      ] as const;
      const first = decide(audit, { kind: 'auto' }, { apply, decisions });
      for (const kind of apply) expect(first.reasons).toContain(kind);
      const { audit: again } = auditFromColumns(columnsOf(auditRows(audit, first)), data);
      const repeated = decide(again, { kind: 'recorded' });
      for (const part of [
        'verdicts',
        'reasons',
        'order',
        'newKeys',
        'newLabels',
        'identitiesKept',
      ] as const) {
        expect(repeated[part]).toEqual(first[part]);
      }
      // What a person decides stands above it, here too; what is kept goes with its identity, which may be merged into another.
      const moved = first.reasons.indexOf(apply[0]!);
      const key = audit.key(moved);
      const back = decide(again, { kind: 'recorded' }, { decisions: [{ key, decision: 'keep' }] });
      const own = audit.identityOf[moved]!;
      const isMerged = (apply as readonly string[]).includes('merge') && MERGED.from.includes(own);
      expect(back.identitiesKept[back.newLabels[moved]!]).toEqual({
        position: isMerged ? MERGED.into : own,
        person: 0,
      });
    },
  );

  it('is refused when a proposal moved an image, and its row does not say where to', () => {
    const { audit, data } = audited();
    const rows = [...auditRows(audit, decide(audit, { kind: 'angle', degrees: 62 }))];
    const kept = rows.findIndex(({ decision }) => decision === 'keep');
    const { audit: again } = auditFromColumns(
      columnsOf(rows.with(kept, { ...rows[kept]!, rule: 'merge' })),
      data,
    );
    expect(() => decide(again, { kind: 'recorded' })).toThrow(
      new RegExp(
        `image ${kept + 1} was moved by a proposal \\(merge\\), and the audit does not say where to`,
      ),
    );
    expect(() => columnsOf(rows.with(2, { ...rows[2]!, movedTo: 1 }))).toThrow(
      'row 3: movedTo must be a label that other rows have, found 1',
    );
  });

  it.each([
    [{}, 'row 1: key must be text or a number, found nothing'],
    [{ key: 1, label: -1 }, 'row 1: label must be a whole number from 0'],
    [
      { key: 1, label: 0, decision: 'perhaps' },
      'row 1: decision must be keep, drop or unresolved, found "perhaps"',
    ],
    [
      {
        key: 1,
        label: 0,
        decision: 'keep',
        subcenter: 0,
        dominant: 0,
        angle: 181,
        angleNearest: 3,
        rule: 'angle',
      },
      'row 1: angle must be an angle from 0 to 180 degrees, found 181',
    ],
    ['text', 'row 1: expected an object, found "text"'],
  ])('is refused when a row is no row: %j', (row, message) => {
    expect(() => columnsOf([row as object])).toThrow(message);
  });

  it('is read or refused, whatever the rows are', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.jsonValue(),
            fc.dictionary(fc.constantFrom('key', 'label', 'angle', 'decision'), fc.jsonValue()),
          ),
        ),
        (rows) => {
          try {
            columnsOf(rows as object[]);
          } catch (error) {
            expect(error).toBeInstanceOf(CleanerError);
          }
        },
      ),
    );
  });
});
