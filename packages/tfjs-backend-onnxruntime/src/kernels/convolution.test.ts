// Convolutions and their gradients against tfjs's plain CPU backend, in the blocked layout and without it: kernel
// sizes, strides, paddings and dilations, channels that fill blocks and channels that do not, batches that fill blocks
// of images and batches that do not.

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configure } from '../index.ts';
import { defaultOptions } from '../options.ts';

interface Convolution {
  readonly image: readonly [batch: number, height: number, width: number, channels: number];
  readonly filter: readonly [height: number, width: number];
  /** Output channels, or the multiplier of a depthwise convolution. */
  readonly outputs: number;
  readonly strides: number | readonly [number, number];
  readonly pad: 'same' | 'valid' | number;
  readonly dilations?: number;
}

const dense: Convolution[] = [
  { image: [2, 8, 8, 3], filter: [3, 3], outputs: 32, strides: 2, pad: 1 },
  { image: [2, 8, 8, 32], filter: [3, 3], outputs: 16, strides: 1, pad: 1 },
  { image: [3, 8, 6, 16], filter: [3, 3], outputs: 32, strides: 2, pad: 1 },
  { image: [2, 8, 8, 16], filter: [3, 3], outputs: 16, strides: 2, pad: 'same' },
  { image: [2, 7, 9, 16], filter: [3, 3], outputs: 16, strides: 2, pad: 'same' },
  { image: [2, 7, 9, 16], filter: [3, 3], outputs: 16, strides: 2, pad: 'valid' },
  { image: [2, 9, 9, 16], filter: [3, 3], outputs: 16, strides: 3, pad: 0 },
  { image: [2, 8, 8, 16], filter: [5, 3], outputs: 16, strides: [1, 2], pad: 'same' },
  { image: [1, 9, 9, 16], filter: [3, 3], outputs: 16, strides: 1, pad: 'same', dilations: 2 },
  { image: [2, 6, 6, 32], filter: [1, 1], outputs: 16, strides: 1, pad: 0 },
  { image: [2, 6, 6, 32], filter: [1, 1], outputs: 16, strides: 2, pad: 0 },
  { image: [2, 7, 7, 16], filter: [1, 1], outputs: 16, strides: 2, pad: 'valid' },
  { image: [2, 6, 6, 32], filter: [2, 2], outputs: 16, strides: 2, pad: 'valid' },
  { image: [2, 5, 6, 5], filter: [3, 2], outputs: 7, strides: 1, pad: 'same' },
  { image: [2, 6, 6, 5], filter: [3, 3], outputs: 16, strides: 2, pad: 1 },
  { image: [2, 6, 6, 24], filter: [3, 3], outputs: 16, strides: 1, pad: 1 },
  { image: [2, 4, 4, 16], filter: [4, 4], outputs: 16, strides: 1, pad: 'valid' },
  { image: [16, 4, 4, 16], filter: [3, 3], outputs: 16, strides: 1, pad: 1 },
  { image: [19, 4, 4, 16], filter: [3, 3], outputs: 16, strides: 1, pad: 1 },
  { image: [33, 3, 3, 3], filter: [3, 3], outputs: 16, strides: 1, pad: 1 },
  { image: [16, 5, 5, 40], filter: [1, 1], outputs: 32, strides: 2, pad: 0 },
];

const depthwise: Convolution[] = [
  { image: [2, 8, 8, 16], filter: [3, 3], outputs: 1, strides: 1, pad: 1 },
  { image: [3, 8, 6, 32], filter: [3, 3], outputs: 1, strides: 2, pad: 1 },
  { image: [2, 8, 8, 16], filter: [3, 3], outputs: 1, strides: 2, pad: 'same' },
  { image: [2, 7, 9, 16], filter: [3, 3], outputs: 1, strides: 2, pad: 'valid' },
  { image: [2, 8, 8, 16], filter: [3, 3], outputs: 1, strides: 2, pad: 'valid' },
  { image: [2, 7, 7, 32], filter: [7, 7], outputs: 1, strides: 1, pad: 0 },
  { image: [1, 9, 9, 16], filter: [3, 3], outputs: 1, strides: 1, pad: 'same', dilations: 2 },
  { image: [2, 6, 6, 5], filter: [3, 3], outputs: 1, strides: 2, pad: 'same' },
  { image: [2, 6, 6, 4], filter: [3, 3], outputs: 3, strides: 1, pad: 1 },
  { image: [2, 6, 6, 16], filter: [3, 3], outputs: 2, strides: 1, pad: 'valid' },
];

function numbers(shape: readonly number[], seed: number): tf.Tensor {
  let state = seed;
  const size = shape.reduce((product, n) => product * n, 1);
  const values = Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff - 0.5;
  });
  return tf.tensor(values, [...shape]);
}

/** The convolution and both gradients (of which tfjs has none with a dilation), as flat arrays. */
function evaluate(
  kind: 'dense' | 'depthwise',
  { image, filter, outputs, strides, pad, dilations }: Convolution,
) {
  const tensors = tf.tidy(() => {
    const x = numbers(image, 7) as tf.Tensor4D;
    const w = numbers([...filter, image[3], outputs], 11) as tf.Tensor4D;
    const apply = (a: tf.Tensor4D, b: tf.Tensor4D) =>
      kind === 'dense'
        ? tf.conv2d(a, b, strides as number, pad, 'NHWC', dilations)
        : tf.depthwiseConv2d(a, b, strides as number, pad, 'NHWC', dilations);
    const y = apply(x, w);
    if (dilations !== undefined) return [y];
    const dy = numbers(y.shape, 13) as tf.Tensor4D;
    const [dx, dw] = tf.grads((a, b) => apply(a as tf.Tensor4D, b as tf.Tensor4D))([x, w], dy);
    return [y, dx!, dw!];
  }) as tf.Tensor[];
  const results = tensors.map((tensor) => ({ shape: tensor.shape, values: Array.from(tensor.dataSync()) }));
  tf.dispose(tensors);
  return results;
}

/** The convolution's result after batch normalisation for inference, and the result itself if it is to be held too. */
function normalised(
  kind: 'dense' | 'depthwise',
  { image, filter, outputs, strides, pad, dilations }: Convolution,
  holdsBoth: boolean,
): number[][] {
  const tensors = tf.tidy(() => {
    const x = numbers(image, 7) as tf.Tensor4D;
    const w = numbers([...filter, image[3], outputs], 11) as tf.Tensor4D;
    const convolve = kind === 'dense' ? tf.conv2d : tf.depthwiseConv2d;
    const y = convolve(x, w, strides as number, pad, 'NHWC', dilations);
    const vector = (seed: number) => numbers(y.shape.slice(3), seed) as tf.Tensor1D;
    const variance = tf.add(tf.abs(vector(3)), 0.1) as tf.Tensor1D;
    const result = tf.batchNorm(y, vector(2), variance, vector(4), vector(5), 1e-3);
    return holdsBoth ? [result, y] : [result];
  });
  const values = tensors.map((tensor) => Array.from(tensor.dataSync()));
  tf.dispose(tensors);
  return values;
}

/** The largest difference, and the largest number. */
function difference(actual: readonly number[], expected: readonly number[]) {
  let [worst, largest] = [0, 0];
  for (const [i, value] of expected.entries()) {
    worst = Math.max(worst, Math.abs(value - actual[i]!));
    largest = Math.max(largest, Math.abs(value));
  }
  return { worst, largest };
}

const label = ({ image, filter, outputs, strides, pad, dilations }: Convolution) =>
  `[${image}] * [${filter}] -> ${outputs}, stride ${strides}, pad ${pad}, dilation ${dilations ?? 1}`;

beforeAll(() => configure({ threads: 1, cacheEntries: 4 }));
afterAll(async () => {
  configure(defaultOptions());
  await tf.setBackend('cpu');
});

describe.each(['blocked', 'nchw'] as const)('layout %s', (layout) => {
  beforeAll(() => configure({ layout }));
  const cases = [
    ...dense.map((convolution) => ({ kind: 'dense' as const, convolution, name: label(convolution) })),
    ...depthwise.map((convolution) => ({
      kind: 'depthwise' as const,
      convolution,
      name: label(convolution),
    })),
  ];
  it.each(cases)('$kind $name, normalised by given statistics', async ({ kind, convolution }) => {
    await tf.setBackend('cpu');
    const [expected] = normalised(kind, convolution, false);
    await tf.setBackend('onnxruntime');
    const [alone] = normalised(kind, convolution, false);
    // Where the convolution's own result is asked for too, it cannot become part of something else.
    const [withOther, other] = normalised(kind, convolution, true);
    expect(difference(alone!, expected!).worst).toBeLessThan(1e-4);
    expect(difference(withOther!, expected!).worst).toBeLessThan(1e-4);
    expect(difference(other!, evaluate(kind, convolution)[0]!.values).worst).toBeLessThan(1e-6);
  });
  it.each(cases)('$kind $name', async ({ kind, convolution }) => {
    await tf.setBackend('cpu');
    const expected = evaluate(kind, convolution);
    await tf.setBackend('onnxruntime');
    const actual = evaluate(kind, convolution);
    expect(actual.length).toBe(expected.length);
    for (const i of expected.keys()) {
      const what = ['y', 'dx', 'dw'][i]!;
      expect(actual[i]!.shape, what).toEqual(expected[i]!.shape);
      expect(difference(actual[i]!.values, expected[i]!.values).worst, what).toBeLessThan(1e-4);
    }
  });
});

it.each([
  ['same', 2],
  ['valid', 1],
  [
    [
      [0, 0],
      [0, 0],
      [1, 0],
      [0, 2],
    ] as [[number, number], [number, number], [number, number], [number, number]],
    1,
  ],
] as const)('takes and gives images channels first, pad %s', async (pad, strides) => {
  const run = () =>
    tf.tidy(() => {
      const image = tf.randomNormal([2, 16, 7, 6], 0, 1, 'float32', 1) as tf.Tensor4D;
      const filter = tf.randomNormal([3, 3, 16, 16], 0, 0.3, 'float32', 2) as tf.Tensor4D;
      const convolve = (x: tf.Tensor, w: tf.Tensor) =>
        tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad as 'same', 'NCHW');
      const bias = tf.randomNormal([16], 0, 1, 'float32', 3) as tf.Tensor1D;
      const fused = tf.fused.conv2d({
        x: image,
        filter,
        strides,
        pad: pad as 'same',
        dataFormat: 'NCHW',
        bias,
        activation: 'relu',
      });
      const squared = (x: tf.Tensor, w: tf.Tensor) => tf.square(convolve(x, w));
      const results = [convolve(image, filter), fused, ...tf.grads(squared)([image, filter])];
      return results.map((tensor) => ({ shape: tensor.shape, values: Array.from(tensor.dataSync()) }));
    });
  await tf.setBackend('cpu');
  const expected = run();
  await tf.setBackend('onnxruntime');
  for (const [i, { shape, values }] of run().entries()) {
    expect(shape).toEqual(expected[i]!.shape);
    const scale = 1 + Math.max(...values.map(Math.abs));
    const worst = Math.max(...values.map((value, j) => Math.abs(value - expected[i]!.values[j]!)));
    expect(worst / scale).toBeLessThan(1e-5);
  }
});

it.each([
  ['adds', tf.add],
  ['subtracts', tf.sub],
] as const)('%s a bias in the convolution, if nothing else reads it', async (_, apply) => {
  const run = (holdsBoth: boolean) =>
    tf.tidy(() => {
      const images = numbers([2, 5, 5, 16], 1) as tf.Tensor4D;
      const dense = tf.conv2d(images, numbers([3, 3, 16, 32], 2) as tf.Tensor4D, 1, 'same');
      const biased = apply(dense, numbers([32], 3)) as tf.Tensor4D;
      const depthwise = tf.depthwiseConv2d(biased, numbers([3, 3, 32, 1], 4) as tf.Tensor4D, 2, 'same');
      const swapped = apply(numbers([32], 5), depthwise);
      const results = [tf.relu(apply(depthwise, numbers([1, 1, 1, 32], 6))), swapped];
      return (holdsBoth ? [...results, dense] : results).map((tensor) => Array.from(tensor.dataSync()));
    });
  await tf.setBackend('cpu');
  const expected = run(true);
  await tf.setBackend('onnxruntime');
  configure({ layout: 'blocked' });
  for (const holdsBoth of [false, true]) {
    for (const [i, values] of run(holdsBoth).entries()) {
      expect(difference(values, expected[i]!).worst).toBeLessThan(1e-5);
    }
  }
});

// Between other convolutions activations stand in blocks, and a pointwise gradient takes another way to them: by whole
// blocks of an image's pixels (4x4) or of the batch's (3x3 of 16), or by none (3x3 of 2).
it.each([
  [2, 4],
  [16, 3],
  [2, 3],
])('gradients of pointwise convolutions between others, %i images of %i pixels', async (batch, size) => {
  const run = () =>
    tf.tidy(() => {
      const convolve = (x: tf.Tensor, w: tf.Tensor) =>
        tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same');
      const filters = [
        [3, 3, 3, 16],
        [1, 1, 16, 48],
        [1, 1, 48, 16],
      ].map((shape, i) => numbers(shape, 3 + i));
      const images = numbers([batch, size, size, 3], 7);
      const gradients = tf.grads((...all) => tf.square(all.reduce(convolve, images)))(filters);
      return gradients.map((gradient) => Array.from(gradient.dataSync()));
    });
  await tf.setBackend('cpu');
  const expected = run();
  await tf.setBackend('onnxruntime');
  configure({ layout: 'blocked' });
  for (const [i, values] of run().entries()) {
    const { worst, largest } = difference(values, expected[i]!);
    expect(worst / largest).toBeLessThan(1e-5);
  }
});

// Too large for the plain CPU backend; without the blocked layout the gradient is a sum of matrix products.
const inParts: Convolution[] = [
  { image: [16, 67, 67, 1], filter: [3, 3], outputs: 32, strides: 1, pad: 1 },
  { image: [16, 131, 130, 1], filter: [3, 3], outputs: 32, strides: 2, pad: 'same' },
  { image: [51, 40, 40, 1], filter: [3, 3], outputs: 32, strides: 1, pad: 1 },
];

it.each(inParts.map((convolution) => ({ convolution, name: label(convolution) })))(
  'the weight gradient summed in parts: $name',
  async ({ convolution: { image, filter, outputs, strides, pad } }) => {
    await tf.setBackend('onnxruntime');
    const gradient = (layout: 'blocked' | 'nchw') => {
      configure({ layout });
      const dw = tf.tidy(() => {
        const x = numbers(image, 7) as tf.Tensor4D;
        const w = numbers([...filter, image[3], outputs], 11) as tf.Tensor4D;
        const apply = (b: tf.Tensor4D) => tf.conv2d(x, b, strides as number, pad);
        return tf.grad((b) => apply(b as tf.Tensor4D))(w, numbers(apply(w).shape, 13));
      });
      const values = Array.from(dw.dataSync());
      dw.dispose();
      return values;
    };
    const { worst, largest } = difference(gradient('blocked'), gradient('nchw'));
    expect(worst / largest).toBeLessThan(1e-5);
  },
);
