import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import 'tfjs-backend-onnxruntime';
import { beforeAll, describe, expect, it } from 'vitest';
import { angularTripletLoss } from './angular-triplet-loss.ts';
import type { Matrix } from './float64-loss.fixture.ts';
import { deviation } from './loss-oracle.fixture.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';
import { tripletLoss } from './triplet-loss.ts';

const losses = { tripletLoss, angularTripletLoss };

/** The reference's two formulas, in float64: mean of relu(near - far + alpha) over thirds of the batch. */
function float64(name: keyof typeof losses, x: Matrix, alpha: number): number {
  const unit = x.map((row) => {
    const norm = Math.sqrt(row.reduce((sum, v) => sum + v * v, 1e-10));
    return row.map((v) => v / norm);
  });
  const dot = (a: number[], b: number[]): number => a.reduce((sum, v, d) => sum + v * b[d]!, 0);
  const distance = (a: number[], b: number[]): number =>
    name === 'tripletLoss'
      ? a.reduce((sum, v, d) => sum + (v - b[d]!) ** 2, 0)
      : Math.acos(Math.min(1, Math.max(-1, dot(a, b))));
  const count = x.length / 3;
  let total = 0;
  for (let t = 0; t < count; t++) {
    const [a, p, n] = [unit[t]!, unit[count + t]!, unit[2 * count + t]!];
    total += Math.max(0, distance(a, p) - distance(a, n) + alpha);
  }
  return total / count;
}

function run(name: keyof typeof losses, x: Matrix, alpha?: number): { loss: number; dx: Matrix } {
  return tf.tidy(() => {
    const options = alpha === undefined ? {} : { alpha };
    const { value, grad } = tf.valueAndGrad((a: tf.Tensor) => losses[name](a as tf.Tensor2D, options))(
      tf.tensor2d(x),
    );
    return { loss: (value as tf.Scalar).dataSync()[0]!, dx: (grad as tf.Tensor2D).arraySync() };
  });
}

describe.each(testBackends('cpu', 'onnxruntime'))('on %s', (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  describe.each([
    ['tripletLoss', 0.3],
    ['angularTripletLoss', 0.35],
  ] as const)('%s', (name, alpha) => {
    it('agrees with the formula and its finite differences', () => {
      const entry = fc.integer({ min: -200, max: 200 }).map((v) => v / 100);
      const rows = fc.array(fc.array(entry, { minLength: 4, maxLength: 4 }), { minLength: 6, maxLength: 6 });
      fc.assert(
        fc.property(rows, (x) => {
          const cosine = (a: number[], b: number[]): number =>
            a.reduce((sum, v, d) => sum + v * b[d]!, 0) / (Math.hypot(...a) * Math.hypot(...b));
          // Differences need a neighbourhood without kinks: no near-zero row, no pole, no triplet on the edge of the hinge.
          fc.pre(x.every((row) => Math.hypot(...row) > 0.3));
          fc.pre([0, 1].every((t) => [2, 4].every((o) => Math.abs(cosine(x[t]!, x[o + t]!)) < 0.99)));
          fc.pre(
            [0, 1].every((t) => Math.abs(float64(name, [x[t]!, x[2 + t]!, x[4 + t]!], alpha + 9) - 9) > 1e-3),
          );
          const { loss, dx } = run(name, x);
          expect(loss).toBeCloseTo(float64(name, x, alpha), 5);
          const h = 1e-5;
          const bumped = (i: number, j: number, by: number): Matrix =>
            x.map((row, r) => row.map((v, c) => (r === i && c === j ? v + by : v)));
          const differences = x.map((row, i) =>
            row.map(
              (_, j) =>
                (float64(name, bumped(i, j, h), alpha) - float64(name, bumped(i, j, -h), alpha)) / (2 * h),
            ),
          );
          expect(deviation(dx, differences)).toBeLessThan(2e-5);
        }),
        { numRuns: backend === 'cpu' ? 60 : 10 },
      );
    });

    it('is finite, in value and gradient, for every finite input', () => {
      const entry = fc.oneof(
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        fc.constantFrom(0, 1, -1, 3.4028234663852886e38, -3.4028234663852886e38, 1e-38, 1e-45, 1e19),
      );
      const rows = fc.array(fc.array(entry, { minLength: 3, maxLength: 3 }), { minLength: 6, maxLength: 6 });
      fc.assert(
        fc.property(rows, fc.boolean(), (x, same) => {
          if (same) x[2] = [...x[0]!];
          x[4] = x[0]!.map((v) => -v);
          const { loss, dx } = run(name, x, 3);
          expect([loss, ...dx.flat()].every(Number.isFinite)).toBe(true);
        }),
        { numRuns: backend === 'cpu' ? 200 : 30 },
      );
    });

    it('refuses what is not triplets', () => {
      const loss = losses[name];
      expect(() => loss(tf.zeros([4, 2]))).toThrow(SubcenterLossError);
      expect(() => loss(tf.zeros([0, 2]))).toThrow(/3T rows/);
      expect(() => loss(tf.zeros([3, 2], 'int32'))).toThrow(/float32/);
      expect(() => loss(tf.zeros([3, 2]), { alpha: Number.NaN })).toThrow(/alpha/);
    });
  });
});
