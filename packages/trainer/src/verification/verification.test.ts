import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TrainingError } from '../training-error.ts';
import { pairDistances, type Verification, verifyDistances, verifyPairs } from './verification.ts';

const oracle = new URL('../../../../../shared/oracle/verification/', import.meta.url);
const json = (name: string) => JSON.parse(readFileSync(new URL(name, oracle), 'utf8'));

interface Expected {
  acc_mean: number;
  acc_std: number;
  fold_acc: number[];
  fold_best_threshold: number[];
  fold_train_acc: number[];
  val: number;
  val_std: number;
  far: number;
  fold_val_threshold: number[];
  fold_val: number[];
  fold_far: number[];
  tpr: number[];
  fpr: number[];
}

function expectReference(actual: Verification, expected: Expected): void {
  const folds = actual.folds;
  expect(folds.map((fold) => fold.accuracy)).toEqual(expected.fold_acc);
  expect(folds.map((fold) => fold.threshold)).toEqual(expected.fold_best_threshold);
  expect(folds.map((fold) => fold.trainAccuracy)).toEqual(expected.fold_train_acc);
  expect(folds.map((fold) => fold.val)).toEqual(expected.fold_val);
  expect(folds.map((fold) => fold.far)).toEqual(expected.fold_far);
  expect(actual.accuracy).toBe(expected.acc_mean);
  expect(actual.accuracyStd).toBe(expected.acc_std);
  expect(actual.val).toBe(expected.val);
  expect(actual.valStd).toBe(expected.val_std);
  expect(actual.far).toBe(expected.far);
  // numpy adds the folds row by row here, ours pairwise: the last bit may differ.
  const closeTo = (numbers: ArrayLike<number>, wanted: number[], tolerance: number) => {
    expect(numbers.length).toBe(wanted.length);
    for (let i = 0; i < wanted.length; i++) {
      expect(Math.abs(numbers[i]! - wanted[i]!)).toBeLessThanOrEqual(tolerance);
    }
  };
  closeTo(actual.roc.truePositiveRate, expected.tpr, 1e-15);
  closeTo(actual.roc.falsePositiveRate, expected.fpr, 1e-15);
  closeTo(
    folds.map((fold) => fold.valThreshold),
    expected.fold_val_threshold,
    1e-12,
  );
}

/** The values of a version 1 `.npy` file with a one-dimensional array. */
function npy(name: string): Float32Array | Uint8Array {
  const file = readFileSync(new URL(name, oracle));
  const start = 10 + file.readUInt16LE(8);
  const bytes = new Uint8Array(file.subarray(start)).buffer;
  return file.subarray(0, start).includes("'<f4'") ? new Float32Array(bytes) : new Uint8Array(bytes);
}

describe.skipIf(!existsSync(oracle))('against the reference (needs ../shared)', () => {
  const { cases } = existsSync(oracle) ? json('synthetic.json') : { cases: [] };
  test.each(cases as { name: string }[])('$name', (raw) => {
    const { embeddings_float32_raw, issame, nfolds, expected, squared_distances } = raw as unknown as {
      embeddings_float32_raw: number[][];
      issame: number[];
      nfolds: number;
      squared_distances: number[];
      expected: Expected;
    };
    const embeddings = Float32Array.from(embeddings_float32_raw.flat());
    const distances = pairDistances(embeddings, issame.length);
    for (const [i, distance] of squared_distances.entries()) {
      expect(Math.abs(distances[i]! - distance)).toBeLessThan(1e-12);
    }
    expectReference(verifyPairs(embeddings, issame, { folds: nfolds }), expected);
  });

  test.each([
    ['flip_sum', 'lfw_dist_flipsum.npy'],
    ['no_flip', 'lfw_dist_noflip.npy'],
  ])('LFW %s', (key, file) => {
    expectReference(verifyDistances(npy(file), npy('lfw_issame.npy')), json('lfw_y1.json')[key]);
  });
});

describe('verifyPairs', () => {
  test('tells perfectly separated pairs apart', () => {
    const isSame = Array.from({ length: 20 }, (_, i) => i % 2 === 0);
    const result = verifyDistances(
      isSame.map((same) => (same ? 0.5 : 1.5)),
      isSame,
    );
    expect(result).toMatchObject({ accuracy: 1, accuracyStd: 0, val: 1, auc: 1, pairs: 20, same: 10 });
    expect(result.threshold).toBeCloseTo(0.51, 12);
  });

  test('auc is the share of same/different combinations in order', () => {
    const example = fc
      .tuple(
        fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 20 }),
        fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 20 }),
      )
      .map(([same, different]) => ({ same: same.map((v) => v / 2), different: different.map((v) => v / 2) }));
    fc.assert(
      fc.property(example, ({ same, different }) => {
        let wins = 0;
        for (const s of same) for (const d of different) wins += s < d ? 1 : s === d ? 0.5 : 0;
        const { auc } = verifyDistances(
          [...same, ...different],
          [...same.map(() => true), ...different.map(() => false)],
          { folds: 1 },
        );
        expect(auc).toBeCloseTo(wins / (same.length * different.length), 12);
      }),
    );
  });

  test('scales of rows do not matter; a row of zeros stays zero', () => {
    const rows = Float32Array.from([1, 0, 0, 5, 3, 4, 3, 4, 0, 0, 7, 0]);
    expect([...pairDistances(rows, 3)]).toEqual([2, 0, 1]);
  });

  test('folds that hold only one kind of pair leave VAL defined by the others', () => {
    const isSame = [true, true, false, false, true, false];
    const { folds, val } = verifyDistances([0.1, 0.2, 2, 2.1, 0.3, 2.2], isSame, { folds: 3 });
    expect(folds.map((fold) => fold.val)).toEqual([1, Number.NaN, 1]);
    expect(val).toBe(1);
  });

  test('scores that are all equal tell nobody apart', () => {
    const isSame = [true, false, true, false, false, true, false];
    const { accuracy, auc, val, far, folds } = verifyDistances(
      isSame.map(() => 1),
      isSame,
      { folds: 3 },
    );
    // Uneven folds of 3, 2 and 2 pairs, each judged as the larger kind of the others is.
    expect(folds.map((fold) => fold.threshold)).toEqual([0, 1.01, 0].map((x) => expect.closeTo(x, 9)));
    expect(accuracy).toBeCloseTo((1 / 3 + 0 / 2 + 1 / 2) / 3, 12);
    expect(auc).toBe(0.5);
    // The rate jumps from 0 to 1 between two thresholds; what it is in between is made up, and what was met is told.
    expect([val, far]).toEqual([1, 1]);
  });

  test('a false-accept rate that no threshold reaches accepts nobody', () => {
    const isSame = [true, false, true, false];
    const { val, far, folds } = verifyDistances([0.5, 4, 0.7, 4], isSame, { folds: 2 });
    expect([val, far]).toEqual([0, 0]);
    expect(folds.map(({ valThreshold }) => valThreshold)).toEqual([0, 0]);
  });

  test('the thresholds are the caller’s own', () => {
    const verify = () => verifyDistances([0.5, 1.5], [true, false], { folds: 1 });
    verify().roc.thresholds.fill(9);
    expect(verify().accuracy).toBe(1);
    expect(verify().roc.thresholds[1]).toBe(0.01);
  });

  test.each([
    ['no pair', [], [], {}],
    ['lengths that differ', [1, 2], [true], {}],
    ['only same pairs', [1, 2], [true, true], { folds: 1 }],
    ['only different pairs', [1, 2], [false, false], { folds: 1 }],
    ['more folds than pairs', [1, 2], [true, false], {}],
    ['folds: 0', [1, 2], [true, false], { folds: 0 }],
    ['NaN', [1, Number.NaN], [true, false], { folds: 1 }],
    ['a rate above 1', [1, 2], [true, false], { folds: 1, farTarget: 1.5 }],
    ['a rate that is none', [1, 2], [true, false], { folds: 1, farTarget: Number.NaN }],
  ])('refuses %s', (_name, distances, isSame, options) => {
    expect(() => verifyDistances(distances, isSame, options)).toThrow(TrainingError);
  });

  test.each([
    ['a value that is not finite', new Float32Array([1, 0, Number.NaN, 1]), 1],
    ['values that do not divide', new Float32Array(5), 1],
    ['no value', new Float32Array(0), 1],
  ])('refuses embeddings with %s', (_name, embeddings, pairs) => {
    expect(() => pairDistances(embeddings, pairs)).toThrow(TrainingError);
  });
});
