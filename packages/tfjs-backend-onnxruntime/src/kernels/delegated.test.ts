// Kernels that tfjs's plain CPU backend computes for this one, and kernels that are refused.

import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { OnnxRuntimeBackendError } from '../errors.ts';
import { agreesWithCpu, type Case, float, kernel } from '../testing/cpu-agreement.ts';
import { delegatedKernels, refusedKernels } from './delegated.ts';

const image = (channels: number) => float([2, 6, 7, channels]) as tf.Tensor4D;
const delegatedCases: Case[] = [
  [
    'SearchSorted',
    'SearchSorted',
    () => tf.searchSorted(tf.tensor2d([[1, 3, 5]]), tf.add(tf.tensor2d([[0, 3, 9]]), 0), 'left'),
  ],
  ['Unique', 'Unique', () => Object.values(tf.unique(tf.add(tf.tensor1d([1, 2, 1]), 1)))],
  [
    'a list of outputs',
    'MaxPoolWithArgmax',
    () => Object.values(tf.maxPoolWithArgmax(image(3), 2, 2, 'same', true)),
  ],
  [
    'a kernel that asks for the rank of its inputs',
    'Dilation2DBackpropInput',
    () =>
      tf.grad((x) => tf.dilation2d(x as tf.Tensor4D, float([2, 2, 3]) as tf.Tensor3D, 1, 'same'))(image(3)),
  ],
];

agreesWithCpu(delegatedCases, []);

it('transforms every image of a batch', async () => {
  await tf.setBackend('onnxruntime');
  const images = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2, 1]);
  const move = (x: number) => [1, 0, x, 0, 1, 0, 0, 0];
  const moved = (transforms: number[][], size?: [number, number]) =>
    tf.tidy(() => [
      ...tf.image.transform(images, tf.tensor2d(transforms), 'nearest', 'constant', 9, size).dataSync(),
    ]);
  expect(moved([move(1)])).toEqual([2, 9, 4, 9, 6, 9, 8, 9]);
  expect(moved([move(0), move(1)])).toEqual([1, 2, 3, 4, 6, 9, 8, 9]);
  expect(moved([move(0)], [1, 2])).toEqual([1, 2, 5, 6]);
  images.dispose();
});

it('delegates nothing that the CPU backend does not have, and has nothing left of it', () => {
  const onCpu = new Set(tf.getKernelsForBackend('cpu').map(({ kernelName }) => kernelName));
  expect(delegatedKernels.filter((row) => !onCpu.has(row.kernel))).toEqual([]);
  const onOurs = new Set(tf.getKernelsForBackend('onnxruntime').map(({ kernelName }) => kernelName));
  expect([...onCpu].filter((name) => !onOurs.has(name))).toEqual(['Draw']);
});

it.each(refusedKernels.map((row) => ({ name: row.kernel })))('refuses $name by name', async ({ name }) => {
  await tf.setBackend('onnxruntime');
  const call = () => kernel(name, { x: tf.scalar(1) });
  expect(call).toThrow(OnnxRuntimeBackendError);
  expect(call).toThrow(name);
});
