import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CleanerError } from './cleaner-error.ts';
import { decide } from './decide.ts';
import { type Identity, identitiesFromLabels } from './identity.ts';
import { degreesOf, type ScoreInput, SubcenterScorer, score } from './score.ts';
import { assembleSubcenters } from './subcenter-weights.ts';

function codeOf(f: () => unknown): string | undefined {
  try {
    f();
  } catch (error) {
    if (error instanceof CleanerError) return error.code;
    throw error;
  }
  return undefined;
}

/** Labels 0 and 2: a gap. The head has rows for three classes, two sub-centres each; every row is an axis. */
const gap = (classOrder: 'label' | 'position', classes = 3): ScoreInput => ({
  embeddings: Float32Array.of(9, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0, 0, 1, 5),
  dimensions: 6,
  labels: Int32Array.of(0, 0, 2, 2),
  subcenters: {
    weights: Float32Array.from({ length: classes * 2 * 6 }, (_, i) => (Math.floor(i / 6) === i % 6 ? 3 : 0)),
    subcenters: 2,
    dimensions: 6,
    classOrder,
  },
});

describe('scoring block by block', () => {
  it('gives what scoring all at once gives, however the rows are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 4 }), { maxLength: 4 }), (cuts) => {
        const { embeddings, ...input } = gap('label');
        const scorer = new SubcenterScorer(input);
        let row = 0;
        for (const rows of [...cuts, 4]) {
          const end = Math.min(4, row + rows);
          scorer.add(embeddings.subarray(row * 6, end * 6));
          row = end;
        }
        const { key: _, ...audit } = scorer.finish();
        const { key: __, ...whole } = score(gap('label'));
        expect(audit).toEqual(whole);
      }),
    );
  });

  it('refuses too many rows, too few, and says which one is not finite', () => {
    const scorer = new SubcenterScorer(gap('label'));
    scorer.add(new Float32Array(18).fill(1));
    expect(codeOf(() => scorer.finish())).toBe('shape-mismatch');
    expect(() => scorer.add(new Float32Array(6).fill(Number.NaN))).toThrow(/row 3, column 0 is NaN/);
    expect(codeOf(() => scorer.add(new Float32Array(12)))).toBe('shape-mismatch');
  });
});

describe('score', () => {
  it('takes the rows of a label with gaps by label', () => {
    const audit = score(gap('label'));
    expect([...audit.nearest]).toEqual([0, 0, 0, 1]);
    expect(audit.identities.map(({ label, votes, dominant }) => [label, [...votes], dominant])).toEqual([
      [0, [2, 0], 0],
      [2, [1, 1], 0],
    ]);
    expect(audit.cosine[0]).toBeCloseTo(1, 12);
    expect(audit.cosine[1]).toBeCloseTo(Math.SQRT1_2, 12);
    expect(audit.cosine[3]).toBeCloseTo(1 / Math.sqrt(26), 12);
    expect(audit.cosineNearest[3]).toBeCloseTo(5 / Math.sqrt(26), 12);
  });

  /*
   * import numpy as np, sklearn.preprocessing as p
   * unit = p.normalize(np.array([w], np.float32)), p.normalize(np.array([x], np.float64))
   * print(np.dot(unit[1], unit[0][0])[0] > np.cos(np.pi * degrees / 180))
   */
  it.each<[w: number[], x: number[], degrees: number, kept: boolean]>([
    [[-1, -1, 0], [0, 1, -1], 120, true],
    [[-1, -1, 0], [0, 2, 2], 120, true],
    [[-1, -1, 0], [1, 0, 0], 135, true],
    [[-1, -1, 0], [1, 2, -1], 150, true],
    [[-1, 0, 1], [-1, 1, 2], 30, false],
    [[1, 2, 2], [1, 0, 1], 45, true],
    [[1, 2, 2], [1, 2, 2], 0, true],
    [[-1, -1, 2], [-1, -1, 2], 0, false],
    [[-1, -1, -1], [2, 2, 2], 180, true],
    [[1, 0, 0], [0, 3, 0], 90, false],
  ])(
    'rounds as the reference does, where %j and %j are at exactly %d degrees: kept %s',
    (w, x, degrees, kept) => {
      const audit = score({
        embeddings: Float32Array.from(x),
        dimensions: 3,
        labels: Int32Array.of(0),
        subcenters: { weights: Float32Array.from(w), subcenters: 1, dimensions: 3, classOrder: 'label' },
      });
      expect(decide(audit, { kind: 'angle', degrees }).kept).toBe(Number(kept));
    },
  );

  it('brings sub-centres to length one that float32 cannot square', () => {
    for (const length of [1e-30, 1e30]) {
      const { cosine } = score({
        embeddings: Float32Array.of(3, 4),
        dimensions: 2,
        labels: Int32Array.of(0),
        subcenters: {
          weights: Float32Array.of(length, length),
          subcenters: 1,
          dimensions: 2,
          classOrder: 'label',
        },
      });
      expect(cosine[0]).toBeCloseTo(7 / 5 / Math.SQRT2, 6);
    }
  });

  it('refuses the order that the embeddings speak against, unless told to trust it', () => {
    expect(() => score(gap('position'))).toThrow(/look ordered by label, not by position/);
    expect(codeOf(() => score(gap('position')))).toBe('class-order');
    expect(score({ ...gap('position'), trustClassOrder: true }).cosineNearest[2]).toBe(0);
  });

  it('refuses a head that is too small, with both numbers', () => {
    expect(() => score(gap('label', 2))).toThrow(
      /the head has 2 classes but labels go up to 2, so 3 are needed/,
    );
    expect(() => score(gap('position', 1))).toThrow(/the head has 1 classes but there are 2 identities/);
  });

  it('allows padding classes at the end', () => {
    expect(score(gap('label', 9)).nearest).toEqual(score(gap('label')).nearest);
  });

  it('refuses what does not fit, by name', () => {
    const input = gap('label');
    const { subcenters } = input;
    const code = (change: Partial<ScoreInput>): string | undefined =>
      codeOf(() => score({ ...input, ...change }));
    expect(code({ subcenters: { ...subcenters, subcenters: 4 } })).toBe('subcenters-mismatch');
    expect(code({ subcenters: { ...subcenters, dimensions: 12 } })).toBe('subcenters-mismatch');
    expect(code({ subcenters: { ...subcenters, subcenters: 0 } })).toBe('invalid-option');
    expect(code({ labels: Int32Array.of(0, 0, 2) })).toBe('shape-mismatch');
    expect(code({ embeddings: new Float32Array(25) })).toBe('shape-mismatch');
    expect(code({ labels: Int32Array.of(0, 0, -1, 2) })).toBe('invalid-label');
    const broken = Float32Array.from(input.embeddings);
    broken[8] = Number.NaN;
    expect(() => score({ ...input, embeddings: broken })).toThrow(/embeddings: row 1, column 2 is NaN/);
  });

  it('refuses identities that contradict the labels', () => {
    const input = gap('label');
    const code = (identities: Identity[]): string | undefined =>
      codeOf(() => score({ ...input, identities }));
    const first = { label: 0, images: Int32Array.of(0, 1) };
    expect(code([first, { label: 2, images: Int32Array.of(2) }])).toBe('identity-mismatch');
    expect(code([first, { label: 2, images: Int32Array.of(2, 3, 3) }])).toBe('identity-mismatch');
    expect(code([first, { label: 2, images: Int32Array.of(2, 4) }])).toBe('identity-mismatch');
    expect(code([first, { label: 1, images: Int32Array.of(2, 3) }])).toBe('identity-mismatch');
    expect(code([first, first])).toBe('identity-mismatch');
  });

  it('leaves a zero embedding at 90 degrees', () => {
    const input = gap('label');
    const audit = score({ ...input, embeddings: new Float32Array(24), trustClassOrder: true });
    expect([...audit.cosine].map(degreesOf)).toEqual([90, 90, 90, 90]);
  });

  it('scores an empty dataset and identities without images', () => {
    const input = gap('label');
    const identities = [{ label: 1, images: new Int32Array(0) }];
    const audit = score({ ...input, embeddings: new Float32Array(0), labels: new Int32Array(0), identities });
    expect(audit.images).toBe(0);
    expect(audit.identities[0]!.dominant).toBe(0);
  });

  it('needs no row of the head for an identity without images, in either order', () => {
    const identities = [
      { label: 0, images: Int32Array.of(0, 1) },
      { label: 2, images: Int32Array.of(2, 3) },
      { label: 99, images: new Int32Array(0) },
    ];
    expect(score({ ...gap('label'), identities }).nearest).toEqual(score(gap('label')).nearest);
    expect(() => score({ ...gap('position'), identities })).toThrow(/look ordered by label/);
    expect(score({ ...gap('position', 2), identities, trustClassOrder: true }).images).toBe(4);
  });

  it('does not depend on the length of embeddings or sub-centres', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 12, maxLength: 12 }),
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 12, maxLength: 12 }),
        fc.constantFrom(0.25, 4, 1024),
        (x, w, factor) => {
          const at = (a: number, b: number) =>
            score({
              embeddings: Float32Array.from(x, (v) => v * a),
              dimensions: 3,
              labels: Int32Array.of(0, 1, 0, 1),
              subcenters: {
                weights: Float32Array.from(w, (v) => v * b),
                subcenters: 2,
                dimensions: 3,
                classOrder: 'label',
              },
            });
          expect(at(factor, factor).cosine).toEqual(at(1, 1).cosine);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('assembleSubcenters', () => {
  const shard = (number: number, rows: number, dimensions = 2) => ({
    name: `fc7_${number}_weight`,
    shape: [rows, dimensions],
    data: new Float32Array(rows * dimensions).fill(number),
  });
  const options = { subcenters: 2, classOrder: 'label' } as const;

  it('joins by number, not by the order given', () => {
    const eleven = Array.from({ length: 11 }, (_, i) => shard(10 - i, 2));
    const { weights } = assembleSubcenters(eleven, options);
    expect([...weights]).toEqual(Array.from({ length: 44 }, (_, i) => Math.floor(i / 4)));
  });

  it('refuses missing, repeated, misshapen and indivisible shards', () => {
    const code = (...shards: Parameters<typeof assembleSubcenters>[0]): string | undefined =>
      codeOf(() => assembleSubcenters(shards, options));
    expect(code()).toBe('subcenters-mismatch');
    expect(code(shard(0, 2), shard(2, 2))).toBe('subcenters-mismatch');
    expect(code(shard(0, 2), shard(0, 2))).toBe('subcenters-mismatch');
    expect(code(shard(0, 2), shard(1, 2, 3))).toBe('subcenters-mismatch');
    expect(code(shard(0, 3))).toBe('subcenters-mismatch');
    expect(code({ ...shard(0, 2), data: new Float32Array(5) })).toBe('subcenters-mismatch');
  });
});

it('groups labels', () => {
  expect(identitiesFromLabels([7, 3, 7])).toEqual([
    { label: 3, images: Int32Array.of(1) },
    { label: 7, images: Int32Array.of(0, 2) },
  ]);
});
