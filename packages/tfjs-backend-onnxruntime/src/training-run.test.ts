// A training run as a whole: 200 steps hold no more memory than one, and the same seed and threads give the same bits.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { configure, statistics } from './index.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const batch = [16, 32, 32, 3] as const;
const batchBytes = 4 * 16 * 32 * 32 * 3;

function trainer(seed: number) {
  const normal = (shape: readonly number[], key: number) =>
    tf.randomNormal([...shape] as [number], 0, 0.2, 'float32', seed + key);
  const convolution = tf.variable(normal([3, 3, 3, 16], 1));
  const depthwise = tf.variable(normal([3, 3, 16, 1], 2));
  const dense = tf.variable(normal([16, 4], 3));
  const optimiser = tf.train.momentum(0.05, 0.9);
  const pixels = Float32Array.from({ length: batchBytes / 4 }, (_, i) => Math.sin(i));
  const labels = Array.from({ length: batch[0] }, (_, i) => i % 4);
  const step = (number: number) => {
    const images = tf.tensor(pixels.fill(number, 0, 100), [...batch]);
    const loss = optimiser.minimize(() => {
      const x = tf.relu(tf.conv2d(images as tf.Tensor4D, convolution as unknown as tf.Tensor4D, 2, 'same'));
      const y = tf.maxPool(
        tf.depthwiseConv2d(x, depthwise as unknown as tf.Tensor4D, 1, 'same'),
        2,
        2,
        'same',
      );
      const logits = tf.matMul(tf.mean(y, [1, 2]) as tf.Tensor2D, dense as unknown as tf.Tensor2D);
      const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), 4);
      return tf.losses.softmaxCrossEntropy(targets, logits) as tf.Scalar;
    }, true)!;
    images.dispose();
    const value = loss.dataSync()[0]!;
    loss.dispose();
    return value;
  };
  const dispose = () => {
    optimiser.dispose();
    tf.dispose([convolution, depthwise, dense]);
  };
  return { step, dispose, variables: [convolution, depthwise, dense] };
}

it('holds the same memory after 200 steps', async () => {
  await tf.setBackend('onnxruntime');
  configure({ threads: 1 });
  const { step, dispose } = trainer(1);
  const held = () => {
    collectGarbage();
    const { concreteTensors, pendingTensors, sessions } = statistics();
    const { numTensors, numBytes } = tf.memory();
    const counts = { concreteTensors, pendingTensors, sessions, numTensors, numBytes };
    return { counts, resident: process.memoryUsage.rss() };
  };
  // The allocators take what they want in the first steps.
  for (let i = 0; i < 100; i++) step(0);
  const before = held();
  // The resident set also grows when a heap does, which ends; a leak goes on. So it is one if 200 steps after 200 steps
  // take more, each time, than the loss of a batch in every second of them.
  const growths: number[] = [];
  let resident = before.resident;
  while (growths.length < 5 && !growths.some((growth) => growth < (200 * batchBytes) / 2)) {
    for (let i = 0; i < 200; i++) step(0);
    const after = held();
    expect(after.counts).toEqual(before.counts);
    growths.push(after.resident - resident);
    resident = after.resident;
  }
  expect(Math.min(...growths)).toBeLessThan((200 * batchBytes) / 2);
  dispose();
});

it('gives the same bits for the same seed and threads', async () => {
  await tf.setBackend('onnxruntime');
  configure({ threads: 2 });
  const run = () => {
    const { step, dispose, variables } = trainer(5);
    const losses = Array.from({ length: 6 }, (_, i) => step(i));
    const weights = variables.map((variable) => Array.from(variable.dataSync()));
    dispose();
    return { losses, weights };
  };
  const first = run();
  expect(first.losses.at(-1)).not.toBe(first.losses[0]);
  expect(run()).toEqual(first);
});
