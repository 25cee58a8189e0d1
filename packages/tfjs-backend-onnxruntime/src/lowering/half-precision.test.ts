// Products in float16: operands and results rounded to 11 bits whatever their magnitude, everything else as it was.

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configure } from '../index.ts';
import { defaultOptions } from '../options.ts';
import { float } from '../testing/cpu-agreement.ts';

beforeAll(async () => {
  await tf.setBackend('onnxruntime');
  configure({ threads: 1, precision: 'float16' });
});
afterAll(() => configure(defaultOptions()));

/** Half of the distance between neighbouring numbers of 11 bits, relative. */
const halfStep = 2 ** -11;

function rounded(value: number): number {
  if (value === 0) return 0;
  const step = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
  return Math.round(value / step) * step;
}

/** The product of two matrices of which float16 holds the operands and the result. */
function reference(a: number[][], b: number[][]): number[][] {
  return a.map((row) =>
    b[0]!.map((_, column) =>
      row.reduce((sum, value, i) => sum + rounded(value) * rounded(b[i]![column]!), 0),
    ),
  );
}

describe.each([1, 1e-9, 3e7])('of numbers of the size of %d', (size) => {
  it('multiplies matrices', () => {
    tf.tidy(() => {
      const [a, b] = [tf.mul(float([5, 7], 2, 1), size), float([7, 4], 2, 2)] as [tf.Tensor2D, tf.Tensor2D];
      const found = tf.matMul<tf.Tensor2D>(a, b).arraySync();
      const [left, right] = [a.arraySync(), b.arraySync()];
      const magnitude = 7 * 4 * size;
      let differs = 0;
      for (const [i, row] of reference(left, right).entries()) {
        for (const [j, value] of row.entries()) {
          expect(Math.abs(found[i]![j]! - value)).toBeLessThan(halfStep * Math.abs(value) + 1e-6 * magnitude);
          const exact = left[i]!.reduce((sum, x, k) => sum + x * right[k]![j]!, 0);
          if (Math.abs(found[i]![j]! - exact) > 1e-5 * magnitude) differs++;
        }
      }
      // It is float16 that computes, and not float32 under another name.
      expect(differs).toBeGreaterThan(5);
    });
  });

  it.each([
    ['dense', 4, 1],
    ['dense, stride 2', 4, 2],
    ['depthwise', 1, 1],
  ] as const)('convolves and takes both gradients: %s', (kind, outputs, stride) => {
    const gradients = () =>
      tf.tidy(() => {
        const x = float([2, 6, 6, 16], 1, 3) as tf.Tensor4D;
        const filter = float([3, 3, 16, outputs], 1, 4) as tf.Tensor4D;
        const convolve = kind === 'depthwise' ? tf.depthwiseConv2d : tf.conv2d;
        const f = (a: tf.Tensor, b: tf.Tensor) =>
          convolve(a as tf.Tensor4D, b as tf.Tensor4D, stride, 'same') as tf.Tensor;
        const shape = f(x, filter).shape;
        return tf
          .grads(f)([x, filter], tf.mul(float(shape, 1, 5), size))
          .map((t) => [...t.dataSync()]);
      });
    const half = gradients();
    configure({ precision: 'float32' });
    const full = gradients();
    configure({ precision: 'float16' });
    for (const [i, values] of full.entries()) {
      const length = Math.hypot(...values);
      const apart = Math.hypot(...values.map((value, j) => value - half[i]![j]!)) / length;
      expect(apart).toBeLessThan(1e-3);
      if (kind !== 'depthwise') expect(apart).toBeGreaterThan(1e-5);
    }
  });
});

it('gives zero for zeros, and hands what is not a number on', () => {
  tf.tidy(() => {
    const a = tf.tensor2d([[1, 2]]);
    expect([...tf.matMul(a, tf.zeros([2, 2])).dataSync()]).toEqual([0, 0]);
    const [bad] = tf.matMul(a, tf.tensor2d([[Number.NaN], [1]])).dataSync();
    expect(bad).toBeNaN();
  });
});

it('trains to the losses of float32, to what float16 rounds', () => {
  const train = () => {
    const first = tf.variable(float([3, 3, 3, 16], 0.4, 6)) as unknown as tf.Variable<tf.Rank.R4>;
    const second = tf.variable(float([3, 3, 16, 16], 0.2, 7)) as unknown as tf.Variable<tf.Rank.R4>;
    const dense = tf.variable(float([16, 4], 0.5, 8)) as unknown as tf.Variable<tf.Rank.R2>;
    const optimiser = tf.train.momentum(0.05, 0.9);
    const losses = Array.from({ length: 4 }, () =>
      tf.tidy(() => {
        const images = float([4, 8, 8, 3], 1, 9) as tf.Tensor4D;
        const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 4);
        const loss = optimiser.minimize(() => {
          const x = tf.relu(tf.conv2d(images, first, 1, 'same'));
          const y = tf.relu(tf.conv2d(x, second, 2, 'same'));
          return tf.losses.softmaxCrossEntropy(labels, tf.matMul(tf.mean(y, [1, 2]), dense)) as tf.Scalar;
        }, true)!;
        return loss.dataSync()[0]!;
      }),
    );
    // Master weights: what an optimiser adds to them is not rounded to 11 bits.
    const weights = [...first.dataSync()];
    optimiser.dispose();
    tf.dispose([first, second, dense]);
    return { losses, weights };
  };
  const half = train();
  configure({ precision: 'float32' });
  const full = train();
  configure({ precision: 'float16' });
  expect(full.losses[3]).toBeLessThan(full.losses[0]!);
  for (const [i, loss] of full.losses.entries())
    expect(Math.abs(half.losses[i]! / loss - 1)).toBeLessThan(1e-3);
  expect(half.losses).not.toEqual(full.losses);
  expect(half.weights.some((value) => rounded(value) !== value)).toBe(true);
});

it('refuses a precision that there is not', () => {
  expect(() => configure({ precision: 'bfloat16' as 'float16' })).toThrowError(
    expect.objectContaining({ code: 'invalid-option' }),
  );
});
