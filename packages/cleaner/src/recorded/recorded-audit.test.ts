import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AuditRow, auditLine, auditRows } from '../audit-row.ts';
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

  it('is refused when proposals were carried out in it', () => {
    const { audit, data } = audited();
    const rows = [...auditRows(audit, decide(audit, { kind: 'angle', degrees: 62 }))];
    const { audit: again } = auditFromColumns(
      columnsOf([{ ...rows[0]!, rule: 'merge' }, ...rows.slice(1)]),
      data,
    );
    expect(() => decide(again, { kind: 'recorded' })).toThrow(/proposals carried out \(merge\)/);
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
