import { existsSync, readFileSync } from 'node:fs';
import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { statistics } from 'tfjs-backend-onnxruntime';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Margin, margins } from './margin.ts';
import { marginSoftmaxLoss } from './margin-softmax.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';

type Matrix = number[][];

interface Result {
  loss: number;
  dx: Matrix;
  dw: Matrix;
}

const backends = testBackends('cpu', 'onnxruntime');

/** Loss (mean) and its gradients, through the public function. */
function run(x: Matrix, w: Matrix, labels: number[], subcenters: number, margin: Margin): Result {
  const flat = tf.tidy(() => {
    const label = tf.tensor1d(Int32Array.from(labels));
    const f = (a: tf.Tensor, b: tf.Tensor): tf.Scalar =>
      marginSoftmaxLoss(a as tf.Tensor2D, b as tf.Tensor2D, label, { subcenters, margin });
    const { value, grads } = tf.valueAndGrads((a: tf.Tensor, b: tf.Tensor) => f(a, b))([
      tf.tensor2d(x),
      tf.tensor2d(w),
    ]);
    return {
      loss: (value as tf.Scalar).dataSync()[0]!,
      dx: (grads[0] as tf.Tensor2D).arraySync(),
      dw: (grads[1] as tf.Tensor2D).arraySync(),
    };
  });
  return flat;
}

/** The formulas again, in float64 and one image at a time; the gradient by the chain rule, not by the code under test. */
function float64(
  x: Matrix,
  w: Matrix,
  labels: number[],
  subcenters: number,
  { m1, m2, m3, s }: Margin,
  ties: 'first' | 'all',
): Result {
  const norm = (v: number[]): number => Math.sqrt(v.reduce((sum, a) => sum + a * a, 1e-10));
  const normX = x.map(norm);
  const normW = w.map(norm);
  const dx = x.map((row) => row.map(() => 0));
  const dw = w.map((row) => row.map(() => 0));
  let loss = 0;
  x.forEach((row, i) => {
    const cosine = w.map((c, r) => c.reduce((sum, a, d) => sum + (a / normW[r]!) * (row[d]! / normX[i]!), 0));
    const classes = w.length / subcenters;
    const best = Array.from({ length: classes }, (_, c) =>
      Math.max(...cosine.slice(c * subcenters, (c + 1) * subcenters)),
    );
    const label = labels[i]!;
    const target = best[label]!;
    const theta = Math.acos(Math.min(1, Math.max(-1, target)));
    const plain = m1 === 1 && m2 === 0;
    const logits = best.map((c) => s * c);
    logits[label] = s * ((plain ? target : Math.cos(m1 * theta + m2)) - m3);
    const top = Math.max(...logits);
    const total = logits.reduce((sum, z) => sum + Math.exp(z - top), 0);
    loss += Math.log(total) + top - logits[label]!;
    const slope = plain ? 1 : (m1 * Math.sin(m1 * theta + m2)) / Math.sin(theta);
    for (let c = 0; c < classes; c++) {
      const p = Math.exp(logits[c]! - top) / total;
      const g = c === label ? (p - 1) * s * slope : p * s;
      let given = false;
      for (let k = 0; k < subcenters; k++) {
        const r = c * subcenters + k;
        if (cosine[r] !== best[c] || (given && ties === 'first')) continue;
        given = true;
        for (let d = 0; d < row.length; d++) {
          const unitX = row[d]! / normX[i]!;
          const unitW = w[r]![d]! / normW[r]!;
          dx[i]![d]! += (g * (unitW - cosine[r]! * unitX)) / normX[i]!;
          dw[r]![d]! += (g * (unitX - cosine[r]! * unitW)) / normW[r]!;
        }
      }
    }
  });
  return { loss: loss / x.length, dx, dw };
}

const largest = (m: Matrix): number => Math.max(1, ...m.flat().map(Math.abs));

/** Cosines are good to about 1e-7 in float32, the scale multiplies that by up to 64, and the softmax passes it on. */
const ROUND_OFF = 5e-6;

/** Relative to the largest entry, or to 1 where all are small. */
function expectClose(actual: Matrix, expected: Matrix, tolerance: number): void {
  const scale = largest(expected);
  const worst = Math.max(...expected.flatMap((row, i) => row.map((v, j) => Math.abs(v - actual[i]![j]!))));
  expect(worst / scale).toBeLessThan(tolerance);
}

const scaled = (m: Matrix, by: number): Matrix => m.map((row) => row.map((v) => v * by));

interface Case extends Margin {
  name: string;
  K: number;
  embedding: Matrix;
  weight: Matrix;
  bias: number[] | null;
  label: number[];
  float64: { loss_mean: number; dx: Matrix; dW: Matrix };
  reference_float32?: Record<string, { padding_weight_rows?: Matrix; dx?: Matrix; dW?: Matrix }>;
}

const oracle = new URL('../../../../shared/oracle/loss/loss.json', import.meta.url);
const cases: Case[] = existsSync(oracle) ? JSON.parse(readFileSync(oracle, 'utf8')).cases : [];
// Printed as shortest decimals that identify a float32: restore the float32 they stand for.
const fround = (m: Matrix): Matrix => m.map((row) => row.map(Math.fround));
for (const c of cases) {
  c.embedding = fround(c.embedding);
  c.weight = fround(c.weight);
}
const marginCases = cases.filter((c) => c.name !== 'softmax_plain');

describe.each(backends)('marginSoftmaxLoss on %s', (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  describe.skipIf(cases.length === 0)('against the reference (needs ../shared/oracle/loss)', () => {
    it('has all the cases', () => expect(marginCases.length).toBe(29));

    it.each(marginCases.map((c) => [c.name, c] as const))('%s', (_, c) => {
      const batch = c.label.length;
      const independent = float64(c.embedding, c.weight, c.label, c.K, c, 'all');
      const nearPole = /cos_exactly_1|equal_to_centre/.test(c.name);
      // The independent formulas agree with the oracle first, so that they may stand in for it on ties.
      expect(independent.loss).toBeCloseTo(c.float64.loss_mean, 9);
      if (!nearPole && c.name !== 'edge_zero_embedding') {
        expectClose(independent.dx, c.float64.dx, 1e-9);
        expectClose(independent.dw, c.float64.dW, 1e-9);
      }
      const expected = nearPole
        ? { dx: c.float64.dx, dw: c.float64.dW }
        : float64(c.embedding, c.weight, c.label, c.K, c, 'first');
      const ours = run(c.embedding, c.weight, c.label, c.K, c);
      expect(Math.abs(ours.loss - c.float64.loss_mean) / Math.max(1, c.float64.loss_mean)).toBeLessThan(
        ROUND_OFF,
      );
      expectClose(scaled(ours.dx, batch), expected.dx, ROUND_OFF);
      expectClose(scaled(ours.dw, batch), expected.dw, ROUND_OFF);
    });

    it.each(marginCases.filter((c) => /padded/.test(c.name)).map((c) => [c.name, c] as const))(
      '%s, with the padding classes of the last shard',
      (_, c) => {
        const sharded = c.reference_float32!.shards_3!;
        const ours = run(c.embedding, [...c.weight, ...sharded.padding_weight_rows!], c.label, c.K, c);
        expectClose(scaled(ours.dx, c.label.length), sharded.dx!, ROUND_OFF);
        expectClose(scaled(ours.dw, c.label.length), sharded.dW!, ROUND_OFF);
      },
    );
  });

  it('agrees with finite differences of the float64 loss', () => {
    const entry = fc.integer({ min: -200, max: 200 }).map((v) => v / 100);
    fc.assert(
      fc.property(
        fc.array(fc.array(entry, { minLength: 4, maxLength: 4 }), { minLength: 3, maxLength: 3 }),
        fc.array(fc.array(entry, { minLength: 4, maxLength: 4 }), { minLength: 6, maxLength: 6 }),
        fc.constantFrom(...Object.values(margins)),
        (x, w, margin) => {
          const m = { ...margin, s: 8 };
          const labels = [0, 2, 1];
          const cosines = x.map((a) =>
            w.map((b) => a.reduce((sum, v, d) => sum + v * b[d]!, 0) / (Math.hypot(...a) * Math.hypot(...b))),
          );
          // Differences need a neighbourhood without kinks: no near-tie, no pole, no near-zero row.
          fc.pre([...x, ...w].every((row) => Math.hypot(...row) > 0.3));
          fc.pre(cosines.every((c) => [0, 2, 4].every((k) => Math.abs(c[k]! - c[k + 1]!) > 1e-2)));
          fc.pre(cosines.every((c) => c.every((v) => Math.abs(v) < 0.99)));
          const ours = run(x, w, labels, 2, m);
          const h = 1e-5;
          const bumped = (matrix: Matrix, i: number, j: number, by: number): Matrix =>
            matrix.map((row, r) => row.map((v, c) => (r === i && c === j ? v + by : v)));
          const loss = (a: Matrix, b: Matrix): number => float64(a, b, labels, 2, m, 'first').loss;
          const dx = x.map((row, i) =>
            row.map((_, j) => (loss(bumped(x, i, j, h), w) - loss(bumped(x, i, j, -h), w)) / (2 * h)),
          );
          const dw = w.map((row, i) =>
            row.map((_, j) => (loss(x, bumped(w, i, j, h)) - loss(x, bumped(w, i, j, -h))) / (2 * h)),
          );
          expectClose(ours.dx, dx, 2e-5);
          expectClose(ours.dw, dw, 2e-5);
        },
      ),
      { numRuns: backend === 'cpu' ? 60 : 10 },
    );
  });

  it('is finite, in value and gradient, for every finite input', () => {
    const entry = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0, -0, 1, -1, 3.4028234663852886e38, -3.4028234663852886e38, 1e-38, 1e19, 1e-20),
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(entry, { minLength: 3, maxLength: 3 }), { minLength: 3, maxLength: 3 }),
        fc.array(fc.array(entry, { minLength: 3, maxLength: 3 }), { minLength: 6, maxLength: 6 }),
        fc.constantFrom(...Object.values(margins), { m1: 0.9, m2: 0.4, m3: 0.15, s: 64 }),
        fc.boolean(),
        fc.boolean(),
        (x, w, margin, onCentre, opposite) => {
          if (onCentre) x[0] = [...w[0]!];
          if (opposite) x[1] = w[2]!.map((v) => -v);
          w[5] = [...w[4]!];
          const { loss, dx, dw } = run(x, w, [0, 1, 2], 2, margin);
          expect(Number.isFinite(loss)).toBe(true);
          expect([...dx.flat(), ...dw.flat()].every(Number.isFinite)).toBe(true);
        },
      ),
      { numRuns: backend === 'cpu' ? 300 : 40 },
    );
  });

  it('gives the gradient of tied sub-centres to the first', () => {
    const { dw } = run(
      [[1, 2, 3]],
      [
        [1, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [0, 1, 0],
      ],
      [0],
      2,
      margins.arcface,
    );
    expect(dw.map((row) => row.some((v) => v !== 0))).toEqual([true, false, true, false]);
  });

  it('leaks no tensor', () => {
    run(
      [[1, 2]],
      [
        [1, 0],
        [0, 1],
      ],
      [0],
      1,
      margins.arcface,
    );
    const before = tf.memory().numTensors;
    run(
      [[1, 2]],
      [
        [1, 0],
        [0, 1],
      ],
      [0],
      1,
      margins.arcface,
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});

it('warms a margin up without compiling anew', async () => {
  await tf.setBackend('onnxruntime');
  const at = (m2: number): Result =>
    run(
      [[1, 2, 3]],
      [
        [1, 0, 0],
        [0, 1, 0],
      ],
      [0],
      1,
      { m1: 1, m2, m3: m2 / 2, s: 10 + m2 },
    );
  const first = at(0);
  const { compilations } = statistics();
  const losses = [0.1, 0.2, 0.3].map((m2) => at(m2).loss);
  expect(statistics().compilations).toBe(compilations);
  expect([first.loss, ...losses]).toEqual([first.loss, ...losses].toSorted((a, b) => a - b));
});

describe('bad input', () => {
  const x = tf.zeros<tf.Rank.R2>([2, 3]);
  const label = tf.tensor1d([0, 1], 'int32');
  const code = (f: () => unknown): string | undefined => {
    try {
      f();
    } catch (error) {
      if (error instanceof SubcenterLossError) return error.code;
      throw error;
    }
    return undefined;
  };

  it('is refused by name', () => {
    expect(code(() => marginSoftmaxLoss(x, tf.zeros([4, 5]), label))).toBe('shape-mismatch');
    expect(code(() => marginSoftmaxLoss(x, tf.zeros([4, 3]), label, { subcenters: 3 }))).toBe(
      'shape-mismatch',
    );
    expect(code(() => marginSoftmaxLoss(x, tf.zeros([4, 3]), tf.tensor1d([0], 'int32')))).toBe(
      'shape-mismatch',
    );
    expect(code(() => marginSoftmaxLoss(x, tf.zeros([4, 3]), tf.tensor1d([0, 1])))).toBe('dtype-mismatch');
    expect(code(() => marginSoftmaxLoss(x, tf.zeros([4, 3]), label, { subcenters: 0 }))).toBe(
      'invalid-option',
    );
    expect(code(() => marginSoftmaxLoss(x, tf.zeros([4, 3]), label, { margin: { s: Number.NaN } }))).toBe(
      'invalid-option',
    );
    expect(code(() => marginSoftmaxLoss(tf.zeros([0, 3]), tf.zeros([4, 3]), tf.tensor1d([], 'int32')))).toBe(
      'shape-mismatch',
    );
  });
});
