// Properties over random graphs: a chain of random operations between convolutions gives the same numbers and
// gradients in the blocked layout, in NCHW, and on tfjs's plain CPU backend.

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configure } from '../index.ts';
import { defaultOptions } from '../options.ts';

type Step = (x: tf.Tensor4D, channels: tf.Tensor1D) => tf.Tensor4D;

const steps: Record<string, Step> = {
  addChannels: (x, channels) => tf.add(x, channels),
  subtractFromChannels: (x, channels) => tf.sub(channels, x),
  multiplyChannels: (x, channels) => tf.mul(channels, x),
  scalar: (x) => tf.mul(x, 0.75),
  relu: (x) => tf.relu(x),
  prelu: (x, channels) => tf.prelu(x, channels as tf.Tensor as tf.Tensor4D),
  steepPrelu: (x, channels) => tf.prelu(x, tf.mul(channels, 3) as tf.Tensor as tf.Tensor4D),
  gate: (x) => tf.mul(x, tf.sigmoid(tf.mean(x, [1, 2], true))),
  mask: (x) => tf.mul(x, tf.step(tf.sub(x, 0.1), 0.5)),
  transposeTwice: (x) => tf.transpose(tf.transpose(x, [0, 3, 1, 2]), [0, 2, 3, 1]),
  centre: (x) => tf.sub(x, tf.mean(x, [0, 1, 2])),
  perPixel: (x) => tf.add(x, tf.max(x, 3, true)),
  residual: (x) => tf.add(x, tf.tanh(x)),
  slice: (x) =>
    tf.pad(tf.slice(x, [0, 1, 0, 0], [-1, 3, -1, -1]), [
      [0, 0],
      [1, 0],
      [0, 0],
      [0, 0],
    ]),
  concat: (x) => tf.slice(tf.concat([x, tf.neg(x)], 3), [0, 0, 0, 8], [-1, -1, -1, x.shape[3]]),
};

function numbers(shape: number[], seed: number): tf.Tensor {
  return tf.randomUniform(shape, -1, 1, 'float32', seed);
}

function evaluate(names: readonly string[], channels: number): number[][] {
  const tensors = tf.tidy(() => {
    const first = numbers([3, 3, 3, channels], 1) as tf.Tensor4D;
    const second = numbers([3, 3, channels, 1], 2) as tf.Tensor4D;
    const vector = numbers([channels], 3) as tf.Tensor1D;
    const images = numbers([2, 4, 5, 3], 4) as tf.Tensor4D;
    const network = (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) => {
      let x = tf.add(tf.conv2d(images, a as tf.Tensor4D, 1, 'same'), c) as tf.Tensor4D;
      for (const name of names) x = steps[name]!(x, c as tf.Tensor1D);
      return tf.sum(tf.square(tf.depthwiseConv2d(x, b as tf.Tensor4D, 1, 'same'))) as tf.Scalar;
    };
    const { value, grads } = tf.valueAndGrads(network)([first, second, vector]);
    return [value, ...grads];
  }) as tf.Tensor[];
  const result = tensors.map((tensor) => Array.from(tensor.dataSync()));
  tf.dispose(tensors);
  return result;
}

function expectAgreement(actual: number[][], expected: number[][]): void {
  for (const [i, values] of expected.entries()) {
    const scale = 1 + Math.max(...values.map(Math.abs));
    const worst = Math.max(...values.map((value, j) => Math.abs(value - actual[i]![j]!)));
    expect(worst / scale).toBeLessThan(1e-4);
  }
}

beforeAll(() => configure({ threads: 1, cacheEntries: 2 }));
afterAll(() => configure(defaultOptions()));

it('agrees in every layout with the CPU backend', async () => {
  const chain = fc.array(fc.constantFrom(...Object.keys(steps)), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(chain, fc.constantFrom(16, 12), async (names, channels) => {
      await tf.setBackend('cpu');
      const expected = evaluate(names, channels);
      await tf.setBackend('onnxruntime');
      for (const layout of ['blocked', 'nchw'] as const) {
        configure({ layout });
        expectAgreement(evaluate(names, channels), expected);
      }
    }),
    { numRuns: 25, seed: 4 },
  );
});
