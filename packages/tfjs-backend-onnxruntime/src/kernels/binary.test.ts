// Elementwise kernels of several inputs, with broadcasting.

import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import {
  agreesWithCpu,
  bool,
  type Case,
  evaluate,
  float,
  int,
  kernel,
  positive,
} from '../testing/cpu-agreement.ts';
import { binaryKernels } from './binary.ts';

const special = () => tf.tensor([Number.NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -2.5, 1e-30, 3e38]);

const pairs: [number[], number[]][] = [
  [[], []],
  [[3], []],
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [
    [2, 1],
    [1, 3],
  ],
  [[2, 3, 4, 5], [5]],
  [
    [2, 3, 4, 5],
    [2, 1, 1, 5],
  ],
  [
    [1, 3, 1, 5],
    [2, 1, 4, 1],
  ],
  [[0, 3], [3]],
];

function binary(
  name: string,
  f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  make: (shape: number[], seed: number) => tf.Tensor = (shape, seed) => float(shape, 3, seed),
): Case[] {
  return pairs.map(([a, b]) => [`${name} [${a}] [${b}]`, name, () => f(make(a, 1), make(b, 2))]);
}

const nonZeroInt = (shape: number[], seed: number) =>
  tf.add(tf.abs(int(shape, 6, seed)), tf.scalar(1, 'int32'));
const roundedFloat = (shape: number[], seed: number) => tf.round(float(shape, 2, seed));

const binaryCases: Case[] = [
  ...binary('Add', tf.add),
  ...binary('Sub', tf.sub),
  ...binary('Multiply', tf.mul),
  ...binary('RealDiv', tf.div, (shape, seed) => positive(shape, seed)),
  ...binary('FloorDiv', tf.floorDiv, (shape, seed) => positive(shape, seed)),
  ...binary('FloorDiv', tf.floorDiv, nonZeroInt),
  ...binary('Maximum', tf.maximum),
  ...binary('Minimum', tf.minimum),
  ...binary('Maximum', tf.maximum, (shape, seed) => int(shape, 6, seed)),
  ...binary('Pow', tf.pow, (shape, seed) => positive(shape, seed)),
  ...binary('Pow', tf.pow, nonZeroInt),
  ...binary('Mod', tf.mod, (shape, seed) => tf.add(float(shape, 5, seed), 0.37)),
  ...binary('Mod', tf.mod, nonZeroInt),
  ...binary('SquaredDifference', tf.squaredDifference),
  ...binary('Atan2', tf.atan2),
  ...binary('Add', tf.add, (shape, seed) => int(shape, 6, seed)),
  ...binary('Sub', tf.sub, (shape, seed) => int(shape, 6, seed)),
  ...binary('Multiply', tf.mul, (shape, seed) => int(shape, 6, seed)),
  ...binary('Equal', tf.equal, roundedFloat),
  ...binary('NotEqual', tf.notEqual, roundedFloat),
  ...binary('Greater', tf.greater, roundedFloat),
  ...binary('GreaterEqual', tf.greaterEqual, roundedFloat),
  ...binary('Less', tf.less, roundedFloat),
  ...binary('LessEqual', tf.lessEqual, roundedFloat),
  ...binary('Less', tf.less, (shape, seed) => int(shape, 2, seed)),
  ...binary('Equal', tf.equal, bool),
  ...binary('LogicalAnd', tf.logicalAnd, bool),
  ...binary('LogicalOr', tf.logicalOr, bool),
  ...binary('LogicalXor', tf.logicalXor, bool),
  ...binary(
    'BitwiseAnd',
    (a, b) => kernel('BitwiseAnd', { a, b }) as tf.Tensor,
    (shape, seed) => int(shape, 60, seed),
  ),
  ['Maximum of NaN', 'Maximum', () => tf.maximum(special(), tf.scalar(0.25))],
  ['Minimum of NaN', 'Minimum', () => tf.minimum(special(), tf.scalar(0.25))],
  ['mixed dtypes', 'Add', () => tf.add(int([3]), float([3]))],
  ['Prelu per channel', 'Prelu', () => tf.prelu(float([2, 3, 3, 4]), float([4], 2, 3))],
  [
    'Prelu behind a convolution',
    'Prelu',
    () => {
      const image = tf.conv2d(
        float([2, 3, 3, 4]) as tf.Tensor4D,
        float([1, 1, 4, 16], 1, 3) as tf.Tensor4D,
        1,
        'valid',
      );
      const slopes = [float([16], 2, 3), tf.tensor1d([0.25]), tf.scalar(1.5), tf.tensor([[[-0.5]]])];
      return slopes.map((slope) => tf.prelu(image, slope));
    },
  ],
  ['Prelu per element', 'Prelu', () => tf.prelu(float([2, 3, 4]), float([3, 4], 2, 3))],
  ['Prelu slope above 1', 'Prelu', () => tf.prelu(float([2, 4]), tf.tensor([1.5, -0.5, 0, 1]))],
  ['EluGrad', 'EluGrad', () => kernel('EluGrad', { dy: float([2, 3]), y: tf.elu(float([2, 3], 2, 5)) })],
  ['AddN', 'AddN', () => tf.addN([float([2, 3]), float([2, 3], 2, 5), float([2, 3], 2, 9)])],
  ['AddN of one', 'AddN', () => tf.addN([float([2, 3])])],
  ['Select', 'Select', () => tf.where(bool([2, 3]), float([2, 3]), float([2, 3], 2, 5))],
  ['Select int32', 'Select', () => tf.where(bool([4]), int([4]), int([4], 6, 5))],
];

it('divides integers by zero, and the least of all by -1, without taking the process with it', async () => {
  await tf.setBackend('onnxruntime');
  const [a, b] = [
    tf.tensor1d([7, -7, -(2 ** 31), 2 ** 24 + 1], 'int32'),
    tf.tensor1d([0, 0, -1, 1], 'int32'),
  ];
  const numbers = (f: () => tf.Tensor) => evaluate(f)[0]!.values;
  expect(numbers(() => tf.floorDiv(a, b))).toEqual([0, 0, -(2 ** 31), 2 ** 24 + 1]);
  expect(numbers(() => tf.mod(a, b))).toEqual([0, 0, 0, 0]);
  tf.dispose([a, b]);
});

it('selects rows by a vector', async () => {
  await tf.setBackend('onnxruntime');
  const inputs = {
    condition: tf.tensor([1, 0], [2], 'bool'),
    t: tf.tensor2d([
      [1, 2],
      [3, 4],
    ]),
    e: tf.tensor2d([
      [5, 6],
      [7, 8],
    ]),
  };
  expect(evaluate(() => kernel('Select', inputs))[0]!.values).toEqual([1, 2, 7, 8]);
});

agreesWithCpu(binaryCases, binaryKernels);
