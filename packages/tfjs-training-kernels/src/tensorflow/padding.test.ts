import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  expectClose,
  numbers,
  onBoth,
  onTensorFlow,
  ramp,
  valueAndGradients,
} from '../testing/tensorflow-agreement.ts';

/* Convolutions and max pooling with every kind of padding, values and gradients. */

type Padding = Parameters<typeof tf.conv2d>[3];
const PADDINGS: readonly [string, Padding][] = [
  ['valid', 'valid'],
  ['same', 'same'],
  ['a number', 1],
  [
    'a number a side',
    [
      [0, 0],
      [1, 0],
      [2, 1],
      [0, 0],
    ],
  ],
];

onTensorFlow(() => {
  describe.each(PADDINGS)('padding %s', (_, padding) => {
    it.each([1, 2])('convolves at stride %i', async (stride) => {
      const compute = () =>
        valueAndGradients(
          (x, filter) => tf.conv2d(x!, filter!, stride, padding),
          () => [ramp([2, 7, 6, 3], 5), ramp([3, 3, 3, 4], 7)],
        );
      expectClose(await onBoth(compute));
    });

    it.each([1, 2])('convolves channel by channel at stride %i', async (stride) => {
      const compute = () =>
        valueAndGradients(
          (x, filter) => tf.depthwiseConv2d(x!, filter!, stride, padding),
          () => [ramp([2, 7, 6, 3], 5), ramp([3, 3, 3, 2], 7)],
        );
      expectClose(await onBoth(compute));
    });

    it('pools integers', async () => {
      const compute = () =>
        tf.tidy(() =>
          numbers([tf.maxPool(tf.cast(tf.mul(ramp([1, 7, 6, 3], 5), 8), 'int32'), 3, 2, padding)]),
        );
      const { found, expected } = await onBoth(compute);
      expect(found).toEqual(expected);
    });

    it.runIf(Array.isArray(padding) || typeof padding === 'number')(
      'rounds the number of windows up',
      async () => {
        const x = () => ramp([2, 8, 7, 3], 5);
        // Not the gradients of the convolution: tfjs's know nothing of rounding.
        const compute = () =>
          tf.tidy(() =>
            numbers([
              tf.conv2d(x(), ramp([3, 3, 3, 4], 7), 2, padding, 'NHWC', 1, 'ceil'),
              tf.maxPool(x(), 3, 2, padding, 'ceil'),
              tf.maximum(tf.maxPool(x(), 2, 2, 2, 'ceil'), -9),
              tf.avgPool(x(), 3, 2, padding, 'ceil'),
            ]),
          );
        expectClose(await onBoth(compute));
      },
    );

    it('pools', async () => {
      const distinct = (): tf.Tensor4D[] => [tf.reshape(tf.linspace(-1, 1, 2 * 7 * 6 * 3), [2, 7, 6, 3])];
      const compute = () => valueAndGradients((x) => tf.maxPool(x!, 3, 2, padding), distinct);
      expectClose(await onBoth(compute));
    });

    it('averages', async () => {
      const compute = () => tf.tidy(() => numbers([tf.avgPool(ramp([2, 7, 6, 3], 5), 3, 2, padding)]));
      expectClose(await onBoth(compute));
      // The gradient of a linear function f: f(x) * dy = x * f'(dy), for all x.
      const [forward, backward] = tf.tidy(() => {
        const average = (x: tf.Tensor) => tf.avgPool(x as tf.Tensor4D, 3, 2, padding);
        const x = ramp([2, 7, 6, 3], 5);
        const y = average(x);
        const dy = ramp(y.shape, 11);
        const gradient = tf.grad(average)(tf.zerosLike(x), dy);
        return numbers([tf.sum(tf.mul(y, dy)), tf.sum(tf.mul(x, gradient))]).flat();
      });
      expect(Math.abs(forward! - backward!)).toBeLessThan(1e-4);
    });
  });
});
