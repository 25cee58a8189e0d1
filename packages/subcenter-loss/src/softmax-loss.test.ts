import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { beforeAll, describe, expect, it } from 'vitest';
import { deviation, oracleCases } from './loss-oracle.fixture.ts';
import { softmaxLoss } from './softmax-loss.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';

describe.each(testBackends('cpu', 'onnxruntime'))('softmaxLoss on %s', (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  it.skipIf(oracleCases.length === 0)(
    'agrees with the oracle in value and gradients (needs ../shared/oracle/loss)',
    () => {
      const c = oracleCases.find(({ name }) => name === 'softmax_plain')!;
      const { value, grads } = tf.valueAndGrads((x: tf.Tensor, w: tf.Tensor, bias: tf.Tensor) =>
        softmaxLoss(x as tf.Tensor2D, w as tf.Tensor2D, c.label, { bias: bias as tf.Tensor1D }),
      )([tf.tensor2d(c.embedding), tf.tensor2d(c.weight), tf.tensor1d(c.bias!)]);
      expect(Math.abs((value as tf.Scalar).dataSync()[0]! / c.float64.loss_mean - 1)).toBeLessThan(1e-6);
      const expected = [c.float64.dx, c.float64.dW, [c.float64.db]];
      grads.forEach((gradient, i) => {
        const sum = tf.mul(gradient, c.label.length);
        const rows = (sum.rank === 1 ? tf.expandDims(sum) : sum) as tf.Tensor2D;
        expect(deviation(rows.arraySync(), expected[i]!)).toBeLessThan(2e-6);
      });
    },
  );

  it('counts an image of weight two twice, and one of weight zero not', () => {
    const x = tf.tensor2d([
      [1, 2],
      [3, -1],
      [0, 1],
    ]);
    const w = tf.tensor2d([
      [1, 0],
      [0, 1],
    ]);
    const weighted = softmaxLoss(x, w, [0, 1, 1], { sampleWeights: [2, 1, 0] }).dataSync()[0]!;
    const repeated = softmaxLoss(tf.gather(x, [0, 0, 1]), w, [0, 0, 1]).dataSync()[0]!;
    expect(weighted).toBeCloseTo(repeated, 6);
  });

  it('refuses a bias of another length', () => {
    expect(() => softmaxLoss(tf.zeros([1, 2]), tf.zeros([3, 2]), [0], { bias: tf.zeros([2]) })).toThrow(
      SubcenterLossError,
    );
  });
});
