// Execution providers: reports, refusals, and a training loop on WebGPU where a driver is (SwiftShader, which comes with
// Debian's chromium, is one that needs no GPU).

import { existsSync } from 'node:fs';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, expect, it } from 'vitest';
import { checkProvider, configure, statistics } from '../index.ts';
import { chooseProvider } from './provider.ts';

const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (existsSync(swiftShader)) process.env.VK_ICD_FILENAMES ??= swiftShader;

const webgpu = checkProvider('webgpu');
afterAll(() => configure({ provider: 'cpu' }));

it('has the CPU always', () => {
  expect(checkProvider('cpu')).toMatchObject({ available: true, problem: null, remedy: null });
  expect(['cpu', 'webgpu', 'cuda']).toContain(chooseProvider('auto'));
});

it('tells what CUDA lacks and what to do, or has it', async () => {
  const report = checkProvider('cuda');
  expect(report.libraries.length).toBe(2);
  if (report.available) return;
  expect(report.problem).not.toBe('');
  expect(report.remedy).toContain('onnxruntime-gpu');
  await tf.setBackend('onnxruntime');
  expect(() => configure({ provider: 'cuda' })).toThrow(/execution provider cuda does not work/);
  expect(tf.tidy(() => tf.exp(tf.scalar(0)).dataSync()[0])).toBe(1);
});

/** Losses of some steps of a small convolutional network. */
function train(): number[] {
  const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 0.3, 'float32', seed);
  const first = tf.variable(normal([3, 3, 3, 16], 1));
  const depthwise = tf.variable(normal([3, 3, 16, 1], 2));
  const dense = tf.variable(normal([16, 4], 3));
  const images = normal([4, 8, 8, 3], 4) as tf.Tensor4D;
  const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 4);
  const optimiser = tf.train.momentum(0.1, 0.9);
  const losses: number[] = [];
  for (let step = 0; step < 2; step++) {
    const loss = optimiser.minimize(() => {
      const x = tf.relu(tf.conv2d(images, first as unknown as tf.Tensor4D, 2, 'same'));
      const y = tf.leakyRelu(tf.depthwiseConv2d(x, depthwise as unknown as tf.Tensor4D, 1, 'same'));
      const logits = tf.matMul(tf.mean(y, [1, 2]) as tf.Tensor2D, dense as unknown as tf.Tensor2D);
      return tf.losses.softmaxCrossEntropy(labels, logits) as tf.Scalar;
    }, true)!;
    losses.push(loss.dataSync()[0]!);
    loss.dispose();
  }
  optimiser.dispose();
  tf.dispose([first, depthwise, dense, images, labels]);
  return losses;
}

const whyNot = webgpu.available ? '' : ` (skipped: ${webgpu.problem})`;

it.skipIf(!webgpu.available)(`computes a gradient on WebGPU${whyNot}`, async () => {
  await tf.setBackend('onnxruntime');
  configure({ provider: 'webgpu' });
  const gradient = tf.tidy(() => {
    const w = tf.tensor2d([
      [1, 2],
      [3, -4],
    ]);
    return Array.from(
      tf
        .grad((x) => tf.sum(tf.relu(tf.matMul(x, w))))(tf.tensor2d([[1, 1]]))
        .dataSync(),
    );
  });
  expect(gradient).toEqual([1, 3]);
});

it.skipIf(!webgpu.available)(`computes in float16 on WebGPU, or refuses it by name${whyNot}`, async () => {
  await tf.setBackend('onnxruntime');
  configure({ provider: 'webgpu' });
  const product = () =>
    tf.tidy(() => [...tf.matMul(tf.tensor2d([[1, 1 / 3]]), tf.tensor2d([[1], [1]])).dataSync()]);
  try {
    configure({ precision: 'float16' });
  } catch (error) {
    // SwiftShader, say. What was asked for before still holds.
    expect(error).toMatchObject({
      code: 'provider-unavailable',
      message: expect.stringMatching(/float16/),
    });
    expect(product()[0]).toBeCloseTo(4 / 3, 6);
    return;
  }
  const [found] = product();
  configure({ precision: 'float32' });
  expect(Math.abs(found! - 4 / 3)).toBeGreaterThan(1e-5);
  expect(Math.abs(found! - 4 / 3)).toBeLessThan(1e-3);
});

// A software driver compiles shaders for most of a minute: asked for by TFJS_ONNXRUNTIME_TEST_WEBGPU=1.
const isAsked = process.env.TFJS_ONNXRUNTIME_TEST_WEBGPU === '1';

it.skipIf(!webgpu.available || !isAsked)(
  `trains on WebGPU to the losses of the CPU${whyNot || (isAsked ? '' : ' (skipped: TFJS_ONNXRUNTIME_TEST_WEBGPU is not 1)')}`,
  async () => {
    await tf.setBackend('cpu');
    const expected = train();
    await tf.setBackend('onnxruntime');
    configure({ provider: 'webgpu' });
    const runs = statistics().runs;
    const losses = train();
    expect(statistics().runs).toBeGreaterThan(runs);
    for (const [i, loss] of losses.entries()) expect(Math.abs(loss - expected[i]!)).toBeLessThan(1e-4);
  },
);
