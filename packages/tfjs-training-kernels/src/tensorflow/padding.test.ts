import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/*
 * What tfjs's plain backend computes is what TensorFlow has to: convolutions and max pooling with every kind of padding,
 * values and gradients. Runs where TensorFlow is bound: ARCFACE_TEST_BACKEND=node (see tooling/tfjs-node).
 */

const [backend] = testBackends('cpu');
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

async function on<T>(name: string, compute: () => T): Promise<T> {
  await tf.setBackend(name);
  return compute();
}

function numbers(tensors: readonly tf.Tensor[]): number[][] {
  return tensors.map((tensor) => [...tensor.dataSync()]);
}

/** The value and all gradients of the sum of its squares. */
function valueAndGradients(
  f: (...inputs: tf.Tensor4D[]) => tf.Tensor,
  inputs: () => tf.Tensor4D[],
): number[][] {
  return tf.tidy(() => {
    const given = inputs();
    const gradients = tf.grads((...tensors) => tf.sum(tf.square(f(...(tensors as tf.Tensor4D[])))))(given);
    return numbers([f(...given), ...gradients]);
  });
}

function ramp(shape: [number, number, number, number], step: number): tf.Tensor4D {
  const size = shape.reduce((product, side) => product * side, 1);
  return tf.tensor4d(
    Float32Array.from({ length: size }, (_, i) => ((i * step) % 17) / 8 - 1),
    shape,
  );
}

function expectClose(actual: number[][], expected: number[][]): void {
  expect(actual.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  actual.forEach((values, part) => {
    const scale = Math.max(1, ...expected[part]!.map(Math.abs));
    values.forEach((value, i) => {
      expect(Math.abs(value - expected[part]![i]!) / scale).toBeLessThan(1e-5);
    });
  });
}

describe.skipIf(backend !== 'tensorflow')('on TensorFlow (needs ARCFACE_TEST_BACKEND=node)', () => {
  const leaks = { before: 0 };
  beforeAll(() => {
    leaks.before = tf.memory().numTensors;
  });
  afterAll(() => {
    expect(tf.memory().numTensors).toBe(leaks.before);
  });

  describe.each(PADDINGS)('padding %s', (_, padding) => {
    it.each([1, 2])('convolves at stride %i', async (stride) => {
      const compute = () =>
        valueAndGradients(
          (x, filter) => tf.conv2d(x!, filter!, stride, padding),
          () => [ramp([2, 7, 6, 3], 5), ramp([3, 3, 3, 4], 7)],
        );
      expectClose(await on(backend, compute), await on('cpu', compute));
    });

    it.each([1, 2])('convolves channel by channel at stride %i', async (stride) => {
      const compute = () =>
        valueAndGradients(
          (x, filter) => tf.depthwiseConv2d(x!, filter!, stride, padding),
          () => [ramp([2, 7, 6, 3], 5), ramp([3, 3, 3, 2], 7)],
        );
      expectClose(await on(backend, compute), await on('cpu', compute));
    });

    it('pools integers', async () => {
      const compute = () =>
        tf.tidy(() =>
          numbers([tf.maxPool(tf.cast(tf.mul(ramp([1, 7, 6, 3], 5), 8), 'int32'), 3, 2, padding)]),
        );
      expect(await on(backend, compute)).toEqual(await on('cpu', compute));
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
            ]),
          );
        expectClose(await on(backend, compute), await on('cpu', compute));
      },
    );

    it('pools', async () => {
      const distinct = (): tf.Tensor4D[] => [tf.reshape(tf.linspace(-1, 1, 2 * 7 * 6 * 3), [2, 7, 6, 3])];
      const compute = () => valueAndGradients((x) => tf.maxPool(x!, 3, 2, padding), distinct);
      expectClose(await on(backend, compute), await on('cpu', compute));
    });
  });
});
