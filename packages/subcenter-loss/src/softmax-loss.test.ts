import { existsSync, readFileSync } from 'node:fs';
import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime'; // for tfjs's gradients, too
import { beforeAll, describe, expect, it } from 'vitest';
import { softmaxLoss } from './softmax-loss.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';

const oracle = new URL('../../../../shared/oracle/loss/loss.json', import.meta.url);

describe.each(testBackends('cpu', 'onnxruntime'))('softmaxLoss on %s', (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  it.skipIf(!existsSync(oracle))(
    'agrees with the oracle in value and gradients (needs ../shared/oracle/loss)',
    () => {
      const { cases } = JSON.parse(readFileSync(oracle, 'utf8')) as {
        cases: {
          name: string;
          embedding: number[][];
          weight: number[][];
          bias: number[];
          label: number[];
          float64: { loss_mean: number; dx: number[][]; dW: number[][]; db: number[] };
        }[];
      };
      const c = cases.find(({ name }) => name === 'softmax_plain')!;
      const labels = tf.tensor1d(c.label, 'int32');
      const { value, grads } = tf.valueAndGrads((x: tf.Tensor, w: tf.Tensor, b: tf.Tensor) =>
        softmaxLoss(x as tf.Tensor2D, w as tf.Tensor2D, labels, b as tf.Tensor1D),
      )([tf.tensor2d(c.embedding), tf.tensor2d(c.weight), tf.tensor1d(c.bias)]);
      expect(Math.abs((value as tf.Scalar).dataSync()[0]! / c.float64.loss_mean - 1)).toBeLessThan(1e-6);
      const expected = [c.float64.dx, c.float64.dW, c.float64.db];
      grads.forEach((gradient, i) => {
        const flat = expected[i]!.flat();
        const worst = Math.max(...gradient.dataSync().map((v, j) => Math.abs(v * c.label.length - flat[j]!)));
        expect(worst / Math.max(1, ...flat.map(Math.abs))).toBeLessThan(2e-6);
      });
    },
  );

  it('refuses a bias of another length', () => {
    expect(() =>
      softmaxLoss(tf.zeros([1, 2]), tf.zeros([3, 2]), tf.tensor1d([0], 'int32'), tf.zeros([2])),
    ).toThrow(SubcenterLossError);
  });
});
