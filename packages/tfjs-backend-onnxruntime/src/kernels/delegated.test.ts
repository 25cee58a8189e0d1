// Kernels that tfjs's plain CPU backend computes for this one, and kernels that are refused.

import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { OnnxRuntimeBackendError } from '../errors.ts';
import { agreesWithCpu, type Case, float, kernel } from '../testing/cpu-agreement.ts';
import { delegatedKernels, refusedKernels } from './delegated.ts';

const image = (channels: number, seed = 1) => float([2, 6, 7, channels], 2, seed) as tf.Tensor4D;
const delegatedCases: Case[] = [
  ['ResizeBilinear', 'ResizeBilinear', () => tf.image.resizeBilinear(image(3), [4, 9])],
  ['TopK', 'TopK', () => Object.values(tf.topk(tf.exp(float([3, 5])), 2))],
  ['Cumprod', 'Cumprod', () => tf.add(tf.cumprod(float([4])), 1)],
  [
    'ScatterNd',
    'ScatterNd',
    () => tf.scatterND(tf.tensor2d([[1], [3]], [2, 1], 'int32'), float([2, 2]), [4, 2]),
  ],
  [
    'UnsortedSegmentSum',
    'UnsortedSegmentSum',
    () => tf.unsortedSegmentSum(float([4, 2]), tf.tensor1d([0, 1, 0, 2], 'int32'), 3),
  ],
];

agreesWithCpu(delegatedCases, []);

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
