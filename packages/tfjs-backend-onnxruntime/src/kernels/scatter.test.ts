// Numbers put or added at places that indices tell, repeated indices among them.

import * as tf from '@tensorflow/tfjs-core';
import { afterAll, expect, it } from 'vitest';
import { configure } from '../index.ts';
import { defaultOptions } from '../options.ts';
import { agreesWithCpu, bool, type Case, float, int, kernel } from '../testing/cpu-agreement.ts';
import { scatterKernels } from './scatter.ts';

const rows = (...indices: number[]) => tf.tensor2d(indices, [indices.length, 1], 'int32');
const ids = (...values: number[]) => tf.tensor1d(values, 'int32');

const cases: Case[] = [
  ['ScatterNd of rows', 'ScatterNd', () => tf.scatterND(rows(3, 1, 3), float([3, 2]), [5, 2])],
  [
    'ScatterNd of elements',
    'ScatterNd',
    () => tf.scatterND(tf.tensor2d([0, 1, 2, 3, 0, 1], [3, 2], 'int32'), int([3]), [3, 4]),
  ],
  [
    'ScatterNd of a matrix of rows',
    'ScatterNd',
    () => tf.scatterND(tf.tensor3d([0, 2, 1, 2], [2, 2, 1], 'int32'), float([2, 2, 3]), [4, 3]),
  ],
  [
    'TensorScatterUpdate',
    'TensorScatterUpdate',
    () => [
      tf.tensorScatterUpdate(float([4, 3]), rows(2, 0), float([2, 3], 1, 5)),
      tf.tensorScatterUpdate(int([4]), rows(2, 0), int([2], 6, 5)),
    ],
  ],
  [
    'SparseToDense',
    'SparseToDense',
    () => [
      tf.sparseToDense(rows(1, 3), float([2]), [5], 0.5),
      tf.sparseToDense(tf.tensor2d([0, 1, 2, 0], [2, 2], 'int32'), tf.scalar(7, 'int32'), [3, 2], 1),
      tf.sparseToDense(rows(1, 3), bool([2]), [5]),
    ],
  ],
  [
    'UnsortedSegmentSum',
    'UnsortedSegmentSum',
    () => [
      tf.unsortedSegmentSum(float([5, 2, 3]), ids(0, 2, 0, -1, 7), 4),
      tf.unsortedSegmentSum(float([3]), ids(1, 1, 1), 2),
    ],
  ],
  [
    'the gradient of picked rows',
    'UnsortedSegmentSum',
    () => tf.grad((x) => tf.square(tf.gather(x, ids(1, 3, 1))))(float([4, 3])),
  ],
  [
    'Bincount',
    'Bincount',
    () => [tf.bincount(ids(1, 1, 3, 9), [], 5), tf.bincount(ids(0, 2, 2), float([3]) as tf.Tensor1D, 3)],
  ],
  [
    'DenseBincount',
    'DenseBincount',
    () => [
      tf.denseBincount(ids(1, 1, 3, 9), tf.tensor1d([]), 5),
      tf.denseBincount(tf.tensor2d([1, 1, 4, 0, 2, 2], [2, 3], 'int32'), tf.tensor2d([], [0, 0]), 3),
      tf.denseBincount(tf.tensor2d([1, 1, 4, 0, 2, 2], [2, 3], 'int32'), float([2, 3]) as tf.Tensor2D, 3),
      kernel(
        'DenseBincount',
        { x: tf.tensor2d([1, 1, 4, 0, 2, 2], [2, 3], 'int32'), weights: tf.tensor1d([]) },
        { size: 3, binaryOutput: true },
      ) as tf.Tensor,
    ],
  ],
  ['Diag', 'Diag', () => [tf.diag(float([4])), tf.diag(int([2, 3])), tf.diag(bool([3]))]],
];

afterAll(() => configure(defaultOptions()));

agreesWithCpu(cases, scatterKernels);

it('adds repeated indices up in the same order in every run, whatever the threads', async () => {
  await tf.setBackend('onnxruntime');
  configure({ threads: 2 });
  const indices = tf.tensor1d(
    Array.from({ length: 20_000 }, (_, i) => i % 7),
    'int32',
  );
  const values = tf.randomNormal([20_000, 8], 0, 1, 'float32', 3);
  const sums = () => tf.tidy(() => Array.from(tf.unsortedSegmentSum(values, indices, 7).dataSync()));
  const once = sums();
  for (let run = 0; run < 5; run++) expect(sums()).toEqual(once);
  tf.dispose([indices, values]);
});

const base = () => tf.zeros([2, 3]);
it.each<[string, () => tf.Tensor]>([
  ['before the first row', () => tf.scatterND(rows(-1), float([1, 3]), [2, 3])],
  ['behind the last row', () => tf.tensorScatterUpdate(base(), rows(0, 2), float([2, 3]))],
  ['before the first element', () => tf.gatherND(base(), tf.tensor2d([0, -1], [1, 2], 'int32'))],
  ['behind the last element', () => tf.sparseToDense(ids(0, 9), float([2]), [4])],
])('refuses indices %s where they are known', async (_, run) => {
  await tf.setBackend('onnxruntime');
  expect(() => tf.tidy(run)).toThrow(/^Invalid indices: .* does not index into /);
});
