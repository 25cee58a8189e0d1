// Reductions over axes, positions of extrema, running sums, softmax.

import * as tf from '@tensorflow/tfjs-core';
import { agreesWithCpu, bool, type Case, float, int, kernel } from '../testing/cpu-agreement.ts';
import { reductionKernels } from './reduction.ts';

const axesOf: (number | number[] | undefined)[] = [undefined, 0, -1, [1, 2], [0, 1, 2], [0, 1, 2, 3]];

function reduction(
  name: string,
  f: (x: tf.Tensor, axis?: number | number[], keep?: boolean) => tf.Tensor,
  make = float,
): Case[] {
  return [
    ...axesOf.flatMap((axis): Case[] => [
      [`${name} over ${axis}`, name, () => f(make([2, 3, 4, 5]), axis)],
      [`${name} over ${axis}, kept`, name, () => f(make([2, 3, 4, 5]), axis, true)],
    ]),
    [`${name} of a scalar`, name, () => f(make([]))],
    [`${name} of a vector`, name, () => f(make([7]), 0)],
  ];
}

const withNaN = () =>
  tf.tensor2d([
    [1, Number.NaN, 3, 2, 0, 5, 4, 9],
    [4, 7, 2, Number.NaN, 7, 1, 1, 2],
    [3, 2, 8, 1, 4, 6, 5, 0],
  ]);

const reductions: Case[] = [
  ...reduction('Sum', tf.sum),
  ...reduction('Mean', tf.mean),
  ...reduction('Max', tf.max),
  ...reduction('Min', tf.min),
  ...reduction('Prod', tf.prod),
  ...reduction('Sum', tf.sum, (shape) => int(shape)),
  ...reduction('Max', tf.max, (shape) => int(shape)),
  ...reduction('Sum', tf.sum, (shape) => bool(shape)),
  ...reduction('Any', tf.any, (shape) => bool(shape)),
  ...reduction('All', tf.all, (shape) => tf.cast(tf.greater(float(shape), -1.5), 'bool')),
  ['Mean bool', 'Mean', () => tf.mean(bool([3, 4]), 1)],
  ...(['Max', 'Min', 'ArgMax', 'ArgMin'] as const).map(
    (name): Case => [
      `${name} beside what is not a number`,
      name,
      () => [
        kernel(name, { x: withNaN() }, { axis: 1, reductionIndices: 1 }) as tf.Tensor,
        kernel(
          name,
          { x: tf.tensor2d([[2, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 1]]) },
          {
            axis: 1,
            reductionIndices: 1,
          },
        ) as tf.Tensor,
      ],
    ],
  ),
  ['Sum of nothing', 'Sum', () => tf.sum(float([0, 3]), 0)],
  ['Prod of nothing', 'Prod', () => tf.prod(float([0, 3]), 0)],
  ['ArgMax', 'ArgMax', () => [0, 1, 2].map((axis) => tf.argMax(float([3, 4, 5]), axis))],
  ['ArgMin', 'ArgMin', () => [0, 1, 2].map((axis) => tf.argMin(float([3, 4, 5]), axis))],
  ['ArgMax with ties', 'ArgMax', () => tf.argMax(tf.tensor([1, 3, 3, 2]), 0)],
  ['ArgMax int32', 'ArgMax', () => tf.argMax(int([3, 4]), 1)],
  ['ArgMax of nothing', 'ArgMax', () => [tf.argMax(tf.zeros([2, 0]), 1), tf.argMin(tf.zeros([0, 3]), 0)]],
  [
    'Cumsum',
    'Cumsum',
    () => [
      tf.cumsum(float([3, 4]), 1),
      tf.cumsum(float([3, 4]), 0, true),
      tf.cumsum(float([3, 4]), 1, false, true),
      tf.cumsum(float([3, 4]), 0, true, true),
    ],
  ],
  ['Cumsum int32', 'Cumsum', () => tf.cumsum(int([3, 4]), 0)],
  ['Softmax', 'Softmax', () => [tf.softmax(float([2, 3, 5], 30)), tf.softmax(float([4]))]],
  ['LogSoftmax', 'LogSoftmax', () => [tf.logSoftmax(float([2, 3, 5], 30)), tf.logSoftmax(float([4]))]],
];

agreesWithCpu(reductions, reductionKernels);
