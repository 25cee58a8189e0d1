// PReLU's gradients from its definition, in both layouts, and only one kernel traced for them.

import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerPreluGradient } from '../gradient-rules/prelu.ts';
import { configure } from '../index.ts';
import { defaultOptions } from '../options.ts';
import { float } from '../testing/cpu-agreement.ts';

beforeAll(async () => {
  await tf.setBackend('onnxruntime');
  // A test before this one, in the same process, may have registered tfjs's own rule again.
  registerPreluGradient();
  configure({ threads: 1 });
});
afterAll(() => configure(defaultOptions()));

const cases: readonly [string, number[], number[]][] = [
  ['a slope a channel', [2, 3, 4, 16], [16]],
  ['a slope a channel, with its axes', [2, 3, 4, 16], [1, 1, 16]],
  ['one slope', [2, 3, 4, 16], [1]],
  ['channels that fill no block', [2, 3, 4, 5], [5]],
  ['one slope, no images', [6, 7], [1]],
  ['rows', [6, 7], [7]],
  ['a slope an element', [2, 3, 4, 16], [3, 4, 16]],
  ['five axes', [2, 2, 2, 2, 3], [3]],
];

describe.each(['blocked', 'nchw'] as const)('layout %s', (layout) => {
  beforeAll(() => configure({ layout }));

  it.each(cases)('%s', (_, shape, slopes) => {
    const before = tf.memory().numTensors;
    const size = tf.util.sizeFromShape(slopes);
    const found = tf.tidy(() => {
      const image = tf.mul(float(shape, 2, 4), tf.step(tf.add(float(shape, 2, 5), 1.5)));
      const alpha = tf.mul(float(slopes, 2, 6), 1);
      const dy = float(shape, 2, 7);
      // Through a convolution where there are images, so that the blocked layout is what it comes in.
      const gradients = tf.grads((x, a) => tf.prelu(x, a))([image, alpha], dy);
      return [image, alpha, dy, ...gradients].map((tensor) => [...tensor.dataSync()]);
    });
    const [x, alpha, dy, dx, dalpha] = found as [number[], number[], number[], number[], number[]];
    expect(x.filter((value) => value === 0).length).toBeGreaterThan(1);
    const expected = new Array<number>(size).fill(0);
    for (const [i, value] of x.entries()) {
      const slope = value > 0 ? 1 : alpha[i % size]!;
      expect(Math.abs(dx[i]! - slope * dy[i]!)).toBeLessThan(1e-6);
      if (value <= 0) expected[i % size]! += value * dy[i]!;
    }
    for (const [i, value] of expected.entries()) expect(Math.abs(dalpha[i]! - value)).toBeLessThan(2e-5);
    expect(tf.memory().numTensors).toBe(before);
  });
});

it('has a gradient of its own', () => {
  const [x, slopes] = [float([3, 2, 2, 4], 2, 4), float([4], 2, 6)];
  // The squares of the slopes, once for each value that is not positive.
  const penalty = (a: tf.Tensor) => tf.sum(tf.square(tf.grad((v) => tf.prelu(v, a))(x)));
  const found = tf.tidy(() => [...tf.grad(penalty)(slopes).dataSync()]);
  const expected = [0, 0, 0, 0];
  for (const [i, value] of x.dataSync().entries()) {
    if (value <= 0) expected[i % 4]! += 2 * slopes.dataSync()[i % 4]!;
  }
  expect(expected.every((value) => value !== 0)).toBe(true);
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 4);
  tf.dispose([x, slopes]);
});

it('is one kernel, where the layout is a convolution’s', () => {
  const profile: string[] = [];
  const engine = tf.engine();
  tf.tidy(() => {
    const filter = float([3, 3, 16, 16], 1) as tf.Tensor4D;
    const slopes = float([16], 1);
    const images = float([1, 5, 5, 16], 1) as tf.Tensor4D;
    engine.state.profiling = true;
    engine.state.activeProfile = { ...engine.state.activeProfile, kernels: [] };
    tf.grads((w, a) => tf.prelu(tf.conv2d(images, w as tf.Tensor4D, 1, 'same'), a))([filter, slopes]);
    profile.push(...engine.state.activeProfile.kernels.map(({ name }) => name));
    engine.state.profiling = false;
  });
  expect(profile.filter((name) => name === 'PreluGrad').length).toBe(1);
  expect(profile).not.toContain('Select');
});
