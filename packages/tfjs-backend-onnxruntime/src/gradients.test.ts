// Every gradient that tfjs-core registers, on this backend, against finite differences. The differences are taken of the forward
// pass of tfjs's plain CPU backend, which computes in float64 and rounds its results to float32: of fourth order, with a step that
// is a power of two and so exact, they are good to about 1e-5 of the largest.

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configure } from './index.ts';

interface Input {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

type Operation = (...inputs: tf.Tensor[]) => tf.Tensor;
type Case = readonly [kernel: string, operation: Operation, ...inputs: Input[]];

/** Powers of two, so that moving a number by them does not round it. */
const step = 2 ** -6;
const grain = 2 ** -12;

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** Numbers between two bounds, the same in every run. */
function within(low: number, high: number, ...shape: number[]): Input {
  let state = sizeOf(shape) * 7919 + shape.length;
  const values = Float32Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.round((low + (high - low) * (state / 0x7fffffff)) / grain) * grain;
  });
  return { values, shape };
}

/** Numbers around 0 that are further from 0, and from each other, than differences reach: nothing has a kink nearby. */
function apart(...shape: number[]): Input {
  const size = sizeOf(shape);
  const stride = [7, 11, 13, 17].find((prime) => size % prime !== 0)!;
  const values = Float32Array.from({ length: size }, (_, i) => (2 * ((i * stride) % size) + 1 - size) / 8);
  return { values: size % 2 === 0 ? values : values.map((value) => value + 1 / 8), shape };
}

const image = apart(1, 4, 4, 2);
const smooth = within(-1.5, 1.5, 2, 3);
const unit = within(-0.8, 0.8, 2, 3);
const above = within(0.5, 2.5, 2, 3);
const kinked = apart(2, 3);
const zeros: Input = { values: new Float32Array(6), shape: [2, 3] };
const as4D = (x: tf.Tensor) => x as tf.Tensor4D;
const as5D = (x: tf.Tensor) => x as tf.Tensor5D;
const row = (...values: number[]) => tf.tensor1d(values, 'int32');

const cases: readonly Case[] = [
  ['Abs', tf.abs, kinked],
  ['Acos', tf.acos, unit],
  ['Acosh', tf.acosh, within(1.5, 3, 2, 3)],
  ['Add', tf.add, smooth, within(-1, 1, 3)],
  ['AddN', (...all) => tf.addN(all), smooth, unit, above],
  ['Asin', tf.asin, unit],
  ['Asinh', tf.asinh, smooth],
  ['Atan', tf.atan, smooth],
  ['Atan2', tf.atan2, above, within(0.5, 2, 3)],
  ['Atanh', tf.atanh, unit],
  ['AvgPool', (x) => tf.avgPool(as4D(x), 2, 1, 'valid'), image],
  ['AvgPool', (x) => tf.avgPool(as4D(x), [3, 2], 2, 'same'), image],
  ['AvgPool', (x) => tf.avgPool(as4D(x), 3, 2, 1, 'ceil'), image],
  ['AvgPool3D', (x) => tf.avgPool3d(as5D(x), 2, 1, 'valid'), apart(1, 3, 3, 3, 1)],
  ['AvgPool3D', (x) => tf.avgPool3d(as5D(x), 2, 2, 'same'), apart(1, 3, 3, 3, 1)],
  ['BatchMatMul', (a, b) => tf.matMul(a, b, false, true), within(-1, 1, 2, 2, 3), within(-1, 1, 2, 4, 3)],
  [
    'BatchToSpaceND',
    (x) =>
      tf.batchToSpaceND(
        x,
        [2, 2],
        [
          [0, 1],
          [1, 0],
        ],
      ),
    within(-1, 1, 4, 2, 2, 1),
  ],
  ['BroadcastTo', (x) => tf.broadcastTo(x, [3, 2, 3]), smooth],
  ['Cast', (x) => tf.cast(x, 'float32'), smooth],
  ['Ceil', tf.ceil, kinked],
  ['ClipByValue', (x) => tf.clipByValue(x, -0.5, 0.5), kinked],
  ['Concat', (a, b) => tf.concat([a, b], 1), smooth, within(-1, 1, 2, 2)],
  [
    'Conv2D',
    (x, w) => tf.conv2d(as4D(x), as4D(w), 2, 'same'),
    within(-1, 1, 2, 5, 5, 16),
    within(-1, 1, 3, 3, 16, 16),
  ],
  [
    'Conv2DBackpropInput',
    (dy, w) => tf.conv2dTranspose(as4D(dy), as4D(w), [1, 6, 6, 16], 2, 'same'),
    within(-1, 1, 1, 3, 3, 16),
    within(-1, 1, 3, 3, 16, 16),
  ],
  [
    'Conv3D',
    (x, w) => tf.conv3d(as5D(x), as5D(w), 1, 'valid'),
    within(-1, 1, 1, 3, 3, 3, 2),
    within(-1, 1, 2, 2, 2, 2, 2),
  ],
  ['Cos', tf.cos, smooth],
  ['Cosh', tf.cosh, smooth],
  ['Cumsum', (x) => tf.cumsum(x, 1, true, true), smooth],
  [
    'DepthwiseConv2dNative',
    (x, w) => tf.depthwiseConv2d(as4D(x), as4D(w), 2, 'same'),
    within(-1, 1, 2, 5, 5, 16),
    within(-1, 1, 3, 3, 16, 1),
  ],
  [
    'Dilation2D',
    (x, w) => tf.dilation2d(as4D(x), w as tf.Tensor3D, 1, 'valid'),
    apart(1, 3, 3, 1),
    { values: new Float32Array([0.03125, 0.0625, -0.03125, 0]), shape: [2, 2, 1] },
  ],
  ['Elu', tf.elu, kinked],
  ['Erf', tf.erf, smooth],
  ['Exp', tf.exp, smooth],
  ['ExpandDims', (x) => tf.expandDims(x, 1), smooth],
  ['Expm1', tf.expm1, smooth],
  ['Floor', tf.floor, kinked],
  [
    'FusedBatchNorm',
    (x, mean, variance, offset, scale) =>
      tf.batchNorm(
        as4D(x),
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        offset as tf.Tensor1D,
        scale as tf.Tensor1D,
        0.1,
      ),
    image,
    within(-1, 1, 2),
    within(0.5, 2, 2),
    within(-1, 1, 2),
    within(-2, 2, 2),
  ],
  ['GatherV2', (x) => tf.gather(x, row(2, 0, 2), 1), smooth],
  ['Identity', tf.clone, smooth],
  ['LRN', (x) => tf.localResponseNormalization(as4D(x), 1, 1, 0.5, 0.5), within(-1, 1, 1, 2, 2, 4)],
  ['LeakyRelu', (x) => tf.leakyRelu(x, 0.3), kinked],
  ['Log', tf.log, above],
  ['Log1p', tf.log1p, within(-0.4, 2, 2, 3)],
  ['LogSoftmax', (x) => tf.logSoftmax(x), smooth],
  ['Max', (x) => tf.max(x, 1), kinked],
  ['MaxPool', (x) => tf.maxPool(as4D(x), 2, 2, 'same'), image],
  ['MaxPool3D', (x) => tf.maxPool3d(as5D(x), 2, 1, 'valid'), apart(1, 3, 3, 3, 1)],
  ['Maximum', tf.maximum, kinked, zeros],
  ['Maximum', tf.maximum, kinked, { values: new Float32Array([0.5, -0.25, 0]), shape: [3] }],
  ['Mean', (x) => tf.mean(x, 0), smooth],
  ['Min', (x) => tf.min(x, 1), kinked],
  ['Minimum', tf.minimum, kinked, zeros],
  ['Minimum', tf.minimum, { values: new Float32Array([0.5, -0.25]), shape: [2, 1] }, kinked],
  [
    'Mod',
    tf.mod,
    { values: new Float32Array([2.5, 1.5, 4.5, 3.5]), shape: [2, 2] },
    { values: new Float32Array([2, 1.25]), shape: [2] },
  ],
  [
    'MirrorPad',
    (x) =>
      tf.mirrorPad(
        x,
        [
          [1, 0],
          [2, 1],
        ],
        'reflect',
      ),
    smooth,
  ],
  [
    'MirrorPad',
    (x) =>
      tf.mirrorPad(
        x,
        [
          [2, 1],
          [0, 3],
        ],
        'symmetric',
      ),
    smooth,
  ],
  ['Multiply', tf.mul, smooth, within(-1, 1, 3)],
  ['Neg', tf.neg, smooth],
  ['OnesLike', tf.onesLike, smooth],
  ['Pack', (a, b) => tf.stack([a, b], 1), smooth, unit],
  [
    'PadV2',
    (x) =>
      tf.pad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        3,
      ),
    smooth,
  ],
  ['Pow', tf.pow, above, within(-1, 2, 3)],
  ['Prelu', tf.prelu, kinked, within(-0.5, 0.5, 3)],
  ['Prod', (x) => tf.prod(x), above],
  ['Prod', (x) => tf.prod(x, [0, 2], true), within(0.5, 2, 2, 3, 2)],
  ['Prod', (x) => tf.prod(x, 1), zeros],
  ['RealDiv', tf.div, smooth, within(0.5, 2, 3)],
  ['Reciprocal', tf.reciprocal, above],
  ['Relu', tf.relu, kinked],
  ['Relu6', (x) => tf.relu6(tf.mul(x, 8)), kinked],
  ['Reshape', (x) => tf.reshape(x, [3, 2]), smooth],
  ['ResizeBilinear', (x) => tf.image.resizeBilinear(as4D(x), [3, 7], true), image],
  ['ResizeNearestNeighbor', (x) => tf.image.resizeNearestNeighbor(as4D(x), [8, 3]), image],
  ['Reverse', (x) => tf.reverse(x, 1), smooth],
  ['Round', tf.round, kinked],
  ['Rsqrt', tf.rsqrt, above],
  ['Select', (a, b) => tf.where(tf.tensor2d([1, 0, 1, 0, 1, 1], [2, 3], 'bool'), a, b), smooth, unit],
  ['Selu', tf.selu, kinked],
  ['Sigmoid', tf.sigmoid, smooth],
  ['Sign', tf.sign, kinked],
  ['Sin', tf.sin, smooth],
  ['Sinh', tf.sinh, smooth],
  ['Slice', (x) => tf.slice(x, [0, 1], [2, 2]), smooth],
  ['Softmax', (x) => tf.softmax(x), smooth],
  ['Softplus', tf.softplus, smooth],
  [
    'SpaceToBatchND',
    (x) =>
      tf.spaceToBatchND(
        x,
        [2, 2],
        [
          [1, 1],
          [0, 2],
        ],
      ),
    within(-1, 1, 1, 2, 2, 2),
  ],
  ['SplitV', (x) => tf.mul(tf.split(x, [2, 1], 1)[0]!, 2), smooth],
  ['Sqrt', tf.sqrt, above],
  ['Square', tf.square, smooth],
  ['SquaredDifference', tf.squaredDifference, smooth, unit],
  ['SquaredDifference', tf.squaredDifference, within(-1, 1, 3, 1, 2), within(-1, 1, 4, 1)],
  ['Step', (x) => tf.step(x, 0), kinked],
  ['Sub', tf.sub, smooth, within(-1, 1, 3)],
  ['Sum', (x) => tf.sum(x, 1, true), smooth],
  ['Tan', tf.tan, unit],
  ['Tanh', tf.tanh, smooth],
  ['Tile', (x) => tf.tile(x, [2, 3]), smooth],
  ['Transpose', (x) => tf.transpose(x), smooth],
  ['Unpack', (x) => tf.mul(tf.unstack(x, 1)[1]!, 3), smooth],
  ['UnsortedSegmentSum', (x) => tf.unsortedSegmentSum(x, row(1, 0), 3), smooth],
  ['ZerosLike', tf.zerosLike, smooth],
];

/** Gradients that tfjs registers and that differences can tell nothing about. */
const withoutDifferences: Readonly<Record<string, string>> = {
  ArgMax: 'gives integers',
  ArgMin: 'gives integers',
  ComplexAbs: 'takes complex64, which this backend refuses',
  FloorDiv: 'tfjs gives it the gradient of a division',
  GreaterEqual: 'gives bool',
  IsFinite: 'gives bool',
  IsInf: 'gives bool',
  IsNan: 'gives bool',
  OneHot: 'takes integers',
};

/** Positions of so many elements at most, spread over all. */
function sample(size: number, count = 20): number[] {
  if (size <= count) return Array.from({ length: size }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.floor((i * size) / count));
}

function tensors(inputs: readonly Input[]): tf.Tensor[] {
  return inputs.map(({ values, shape }) => tf.tensor(values, [...shape]));
}

/** d sum(operation * dy) / d input[k][i] for the elements sampled. */
function differences(operation: Operation, inputs: readonly Input[], dy: Float32Array): number[][] {
  const at = (k: number, i: number, delta: number) =>
    tf.tidy(() => {
      const values = inputs[k]!.values.slice();
      values[i]! += delta;
      const moved = inputs.map((input, other) => (other === k ? { ...input, values } : input));
      const result = Array.from(operation(...tensors(moved)).dataSync());
      return result.reduce((sum, y, j) => sum + y * dy[j]!, 0);
    });
  return inputs.map(({ values }, k) =>
    sample(values.length).map((i) => {
      const near = at(k, i, step) - at(k, i, -step);
      const far = at(k, i, 2 * step) - at(k, i, -2 * step);
      return (8 * near - far) / (12 * step);
    }),
  );
}

beforeAll(() => configure({ threads: 1, cacheEntries: 4 }));
afterAll(() => tf.setBackend('cpu'));

describe('the gradient of', () => {
  it.each(cases.map(([kernel, operation, ...inputs]) => ({ kernel, operation, inputs })))(
    '$kernel',
    async ({ kernel, operation, inputs }) => {
      await tf.setBackend('cpu');
      const shape = tf.tidy(() => operation(...tensors(inputs)).shape);
      const dy = within(0.5, 1.5, ...shape);
      const expected = differences(operation, inputs, dy.values);
      await tf.setBackend('onnxruntime');
      const actual = tf.tidy(() =>
        tf
          .grads((...all) => operation(...all))(tensors(inputs), tf.tensor(dy.values, shape))
          .map((gradient) => gradient.dataSync()),
      );
      const largest = Math.max(...expected.flat().map(Math.abs), 1);
      for (const [k, list] of expected.entries()) {
        for (const [j, i] of sample(inputs[k]!.values.length).entries()) {
          const difference = Math.abs(actual[k]![i]! - list[j]!) / largest;
          expect(
            difference,
            `${kernel}, input ${k}, element ${i}: ${actual[k]![i]}, not ${list[j]}`,
          ).toBeLessThan(1e-4);
        }
      }
    },
  );
});

it('is tested for every kernel that has one', () => {
  const tested = new Set(cases.map(([kernel]) => kernel));
  const names = Object.values(tf).filter((value) => typeof value === 'string') as string[];
  const registered = names.filter((name) => tf.getGradient(name) !== undefined);
  expect(registered.length).toBeGreaterThan(90);
  expect(registered.filter((name) => !tested.has(name) && !(name in withoutDifferences))).toEqual([]);
  expect(
    [...tested, ...Object.keys(withoutDifferences)].filter((name) => !registered.includes(name)),
  ).toEqual([]);
});
