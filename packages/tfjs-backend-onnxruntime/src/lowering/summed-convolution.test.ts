// A convolution that adds an image to what it gives, beside the two kernels by themselves.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { parseOnnxModel } from 'onnx-format';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configure, dumpGraph } from '../index.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'onnxruntime-sum-'));
  await tf.setBackend('onnxruntime');
});
afterAll(() => {
  configure({ layout: 'blocked' });
  rmSync(folder, { recursive: true });
});

const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

type Images = Record<'x' | 'beside' | 'row' | 'filter' | 'pointwise' | 'depthwise' | 'bias', tf.Tensor>;

/** Operators that add in the graph that `f` is, and the numbers that it gives. */
function run(f: (images: Images) => tf.Tensor): { additions: number; values: Float32Array } {
  return tf.tidy(() => {
    const images: Images = {
      x: random([2, 5, 6, 16], 1),
      beside: random([2, 5, 6, 32], 2),
      row: random([2, 1, 1, 32], 3),
      filter: random([3, 3, 16, 32], 4),
      pointwise: random([1, 1, 32, 32], 5),
      depthwise: random([3, 3, 32, 1], 7),
      bias: random([32], 6),
    };
    for (const image of Object.values(images)) image.dataSync();
    // What is held is read: of what goes in between nothing may be.
    const result = tf.tidy(() => f(images));
    const { graph } = parseOnnxModel(readFileSync(dumpGraph(folder)!));
    const additions = graph.nodes.filter(({ opType }) => opType === 'Add').length;
    return { additions, values: result.dataSync<'float32'>() };
  });
}

const conv = ({ x, filter }: Images) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same');
/** An image in the layout of convolutions. */
const residual = ({ beside, pointwise }: Images) =>
  tf.relu(tf.conv2d(beside as tf.Tensor4D, pointwise as tf.Tensor4D, 1, 'same'));

const cases: readonly [name: string, additions: number, f: (images: Images) => tf.Tensor][] = [
  ['a residual', 0, (images) => tf.add(residual(images), conv(images))],
  // The convolution would have to wait for it, and hold what it reads until then.
  ['a residual that comes later', 1, (images) => tf.add(conv(images), residual(images))],
  [
    'a residual and a bias',
    0,
    (images) => {
      const before = residual(images);
      return tf.add(before, tf.add(conv(images), images.bias));
    },
  ],
  [
    'two convolutions',
    0,
    (images) => tf.add(conv(images), tf.conv2d(residual(images), images.pointwise as tf.Tensor4D, 1, 'same')),
  ],
  [
    'what the convolution reads itself',
    0,
    (images) => {
      const x = residual(images);
      return tf.add(x, tf.conv2d(x, images.pointwise as tf.Tensor4D, 1, 'same'));
    },
  ],
  [
    'what a depthwise one reads itself',
    0,
    (images) => {
      const x = residual(images);
      return tf.add(tf.depthwiseConv2d(x, images.depthwise as tf.Tensor4D, 1, 'same'), x);
    },
  ],
  [
    'a sum onto a sum',
    1,
    (images) => tf.add(tf.add(residual(images), conv(images)), tf.tanh(residual(images))),
  ],
  ['one value of each channel', 1, (images) => tf.add(conv(images), images.row)],
  [
    'itself',
    1,
    (images) =>
      tf.tidy(() => {
        const y = conv(images);
        return tf.add(y, y);
      }),
  ],
  [
    'what is read elsewhere, too',
    1,
    (images) => {
      const y = conv(images);
      return tf.concat([tf.add(residual(images), y), y]);
    },
  ],
];

it.each(cases)('gives what the two give: %s', (_, additions, f) => {
  configure({ layout: 'nchw' });
  const expected = run(f).values;
  configure({ layout: 'blocked' });
  const here = run(f);
  expect(here.additions).toBe(additions);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const apart = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - here.values[i]!)), 0);
  expect(apart).toBeLessThan(1e-6 * largest);
  expect(here.values).toHaveLength(expected.length);
});
