import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, it } from 'vitest';
import '../index.ts';

const start = [0.3, -0.7, 0.45, 0.9, -0.2, 0.6];
const directions = [
  [1, -2, 0.5, 0.3, 2, -1],
  [-0.4, 0.1, 1, -1, 0.6, 0.8],
];

afterAll(() => tf.setBackend('cpu'));

describe.each(['cpu', 'onnxruntime'])('on %s', (backend) => {
  it.each([
    ['exp', tf.exp],
    ['sigmoid', tf.sigmoid],
    ['tanh', tf.tanh],
    ['softmax', (x) => tf.softmax(x)],
  ] as [string, (x: tf.Tensor) => tf.Tensor][])('%s has its gradient of a gradient', async (_, f) => {
    await tf.setBackend(backend);
    const before = tf.memory().numTensors;
    const slopes = (x: tf.Tensor) => tf.grad((y) => tf.sum(tf.square(f(y))))(x);
    const penalty = (x: tf.Tensor) => tf.sum(tf.mul(slopes(x), tf.tensor2d(directions[0]!, [2, 3])));
    const at = (step: number) => {
      const moved = start.map((value, i) => value + step * directions[1]![i]!);
      return tf.tidy(() => penalty(tf.tensor2d(moved, [2, 3])).dataSync()[0]!);
    };
    const expected = (at(2 ** -7) - at(-(2 ** -7))) * 2 ** 6;
    const gradient = tf.tidy(() =>
      tf
        .grad(penalty)(tf.tensor2d(start, [2, 3]))
        .dataSync(),
    );
    const found: readonly number[] = [...gradient];
    const along = found.reduce((sum, value, i) => sum + value * directions[1]![i]!, 0);
    const size = found.reduce((sum, value) => sum + Math.abs(value), 0);
    expect(Math.abs(along - expected) / size).toBeLessThan(1e-3);
    expect(tf.memory().numTensors).toBe(before);
  });
});
