import * as tf from '@tensorflow/tfjs-core';
import { parseOnnxModel } from 'onnx-format';
import { beforeAll, expect, it } from 'vitest';
import { configure } from '../index.ts';
import { backend } from '../register.ts';

beforeAll(async () => {
  await tf.setBackend('onnxruntime');
  configure({ threads: 1, diskCache: null });
});

it.each([
  ['sum', tf.sum, 1],
  ['mean', tf.mean, 1 / 12],
] as const)('the gradient of a %s needs no numbers as large as what was summed', (_, reduce, each) => {
  const x = tf.tensor(new Float32Array(24).fill(0.5), [2, 3, 4]);
  const gradient = tf.grad((input) => tf.sum(tf.square(reduce(input, [1, 2]))))(x);
  const { inputs } = parseOnnxModel(backend().pendingModel()!).graph;
  expect(inputs.filter(({ shape }) => shape!.length > 1)).toHaveLength(1);
  // d/dx of the squared sum: twice the sum, times how much of it x is.
  expect([...gradient.dataSync()]).toEqual(new Array(24).fill(expect.closeTo(2 * 12 * 0.5 * each * each, 6)));
});

it('sums along axes counted from the end, and integers', () => {
  const x = tf.tensor2d([[1, 2, 3]], [1, 3], 'int32');
  const y = tf.tensor2d([[1], [2]]);
  const gradient = tf.grad((input) => tf.sum(tf.mul(tf.sum(tf.mul(input, x), -1), 2)))(y);
  expect([...gradient.dataSync()]).toEqual([12, 12]);
});
