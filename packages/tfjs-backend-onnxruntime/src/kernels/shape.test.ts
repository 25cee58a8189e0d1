// Kernels that move elements, pick them by index or make them.

import * as tf from '@tensorflow/tfjs-core';
import { agreesWithCpu, bool, type Case, float, int } from '../testing/cpu-agreement.ts';
import { creationKernels } from './creation.ts';
import { indexingKernels } from './indexing.ts';
import { shapeKernels } from './shape.ts';

/** An image as a convolution leaves it: in blocks of channels. */
const convolved = (channels: number, seed: number): tf.Tensor4D =>
  tf.conv2d(
    float([3, 4, 5, 16]) as tf.Tensor4D,
    float([1, 1, 16, channels], 1, seed) as tf.Tensor4D,
    1,
    'valid',
  );

const shaping: Case[] = [
  ['Identity', 'Identity', () => tf.clone(float([2, 3]))],
  ['Reshape', 'Reshape', () => tf.add(tf.reshape(float([2, 3, 4]), [6, -1]), 1)],
  ['Reshape of a result', 'Reshape', () => tf.reshape(tf.exp(float([2, 3])), [3, 2])],
  [
    'ExpandDims',
    'ExpandDims',
    () => [tf.expandDims(float([2, 3]), 0), tf.expandDims(tf.neg(float([2, 3])), -1)],
  ],
  [
    'Transpose',
    'Transpose',
    () => [
      tf.transpose(float([2, 3, 4, 5]), [0, 3, 1, 2]),
      tf.transpose(float([2, 3, 4, 5]), [0, 2, 3, 1]),
      tf.transpose(float([2, 3, 4, 5]), [3, 1, 0, 2]),
      tf.transpose(int([2, 3])),
    ],
  ],
  [
    'Tile',
    'Tile',
    () => [tf.tile(float([2, 3]), [2, 3]), tf.tile(float([1, 3]), [4, 1]), tf.tile(bool([2]), [3])],
  ],
  [
    'BroadcastTo',
    'BroadcastTo',
    () => [tf.broadcastTo(float([1, 3]), [4, 3]), tf.add(tf.broadcastTo(float([3]), [2, 3]), float([2, 3]))],
  ],
  [
    'Concat',
    'Concat',
    () => [
      tf.concat([float([2, 3]), float([2, 1])], 1),
      tf.concat([float([0, 3]), float([2, 3])], 0),
      tf.concat([int([2]), int([3])]),
      tf.concat([float([0, 3]), float([0, 3])], 0),
    ],
  ],
  [
    'Concat of images in blocks',
    'Concat',
    () => [
      ...[0, 1, 2].map((axis) => tf.concat([convolved(16, 2), convolved(16, 3), convolved(16, 4)], axis)),
      tf.concat([convolved(16, 2), convolved(48, 3)], 3),
      tf.concat([convolved(16, 2), convolved(8, 3)], 3),
      tf.concat([convolved(16, 2), float([3, 4, 5, 16], 1, 3)], 3),
      tf.relu(tf.concat([convolved(16, 2), convolved(32, 3)], -1)),
    ],
  ],
  [
    'Pack',
    'Pack',
    () => [tf.stack([float([2, 3]), float([2, 3], 1, 4)], 1), tf.stack([tf.scalar(1), tf.scalar(2)])],
  ],
  ['Unpack', 'Unpack', () => [...tf.unstack(float([2, 3, 4]), 1), ...tf.unstack(float([3]))]],
  ['SplitV', 'SplitV', () => [...tf.split(float([4, 6]), 3, 1), ...tf.split(float([4, 6]), [1, 3], 0)]],
  [
    'Slice',
    'Slice',
    () => [
      tf.slice(float([4, 5]), [1, 2], [2, 2]),
      tf.slice(float([4, 5]), [1], [-1]),
      tf.slice(int([4]), [4], [0]),
    ],
  ],
  [
    'Slice of images in blocks',
    'Slice',
    () => [
      tf.slice(convolved(48, 2), [1, 0, 0, 16], [2, 4, 5, 32]),
      tf.slice(convolved(48, 2), [0, 0, 0, 8], [3, 4, 5, 16]),
      tf.slice(convolved(48, 2), [0, 0, 0, 32], [3, 4, 5, 8]),
      tf.slice(convolved(48, 2), [0, 1, 0, 16], [3, 2, 5, 16]),
      tf.slice(convolved(48, 2), [3, 0, 0, 0], [0, 4, 5, 16]),
      ...tf.split(tf.relu(convolved(48, 2)), 3, 3),
      ...tf.grads((a, b) => tf.square(tf.concat([a, b], 3)))([convolved(16, 2), convolved(32, 3)]),
    ],
  ],
  [
    'StridedSlice',
    'StridedSlice',
    () => [
      tf.stridedSlice(float([5, 6]), [1, 0], [5, 6], [2, 3]),
      tf.stridedSlice(float([5]), [4], [-6], [-1]),
      tf.stridedSlice(float([5]), [3], [0], [-2]),
      tf.stridedSlice(float([3, 4]), [1, 1], [2, 3], [1, 1], 0, 0, 0, 0, 1),
      tf.add(
        tf.stridedSlice(float([2, 3, 4]), [0, 1, 0], [2, 2, 4], [1, 1, 1], 0, 0, 0, 0, 2),
        float([2, 1]),
      ),
    ],
  ],
  [
    'PadV2',
    'PadV2',
    () => [
      tf.pad(
        float([2, 3]),
        [
          [1, 0],
          [0, 2],
        ],
        7,
      ),
      tf.pad(int([3]), [[1, 1]], 2),
      tf.pad(
        float([0, 2]),
        [
          [1, 1],
          [0, 0],
        ],
        3,
      ),
    ],
  ],
  [
    'MirrorPad',
    'MirrorPad',
    () => [
      tf.mirrorPad(
        float([3, 4]),
        [
          [2, 1],
          [0, 3],
        ],
        'reflect',
      ),
      tf.mirrorPad(
        float([3, 4]),
        [
          [2, 1],
          [0, 3],
        ],
        'symmetric',
      ),
    ],
  ],
  [
    'Reverse',
    'Reverse',
    () => [tf.reverse(float([2, 3, 4]), [0, 2]), tf.reverse(int([4])), tf.reverse(float([2, 3]), 1)],
  ],
  ['FlipLeftRight', 'FlipLeftRight', () => tf.image.flipLeftRight(float([2, 3, 4, 3]) as tf.Tensor4D)],
];

const indexing: Case[] = [
  [
    'OneHot',
    'OneHot',
    () => [
      tf.oneHot(tf.tensor1d([0, 2, -1, 5], 'int32'), 4),
      tf.oneHot(tf.tensor2d([[1, 0]], [1, 2], 'int32'), 3, 5, -5),
    ],
  ],
  [
    'GatherV2',
    'GatherV2',
    () => [
      tf.gather(float([5, 3]), tf.tensor1d([4, 0, 4], 'int32')),
      tf.gather(
        float([2, 5]),
        tf.tensor2d(
          [
            [4, 0],
            [1, 1],
          ],
          [2, 2],
          'int32',
        ),
        1,
      ),
      tf.gather(int([5]), tf.scalar(3, 'int32')),
    ],
  ],
];

indexing.push([
  'GatherNd',
  'GatherNd',
  () => [
    tf.gatherND(
      float([3, 4]),
      tf.tensor2d(
        [
          [0, 1],
          [2, 3],
        ],
        [2, 2],
        'int32',
      ),
    ),
    tf.gatherND(float([3, 4]), tf.tensor2d([[2], [0]], [2, 1], 'int32')),
  ],
]);

const creation: Case[] = [
  [
    'Fill',
    'Fill',
    () => [tf.fill([2, 3], 7), tf.fill([2], 3, 'int32'), tf.fill([], 2.5), tf.fill([0, 2], 1)],
  ],
  ['ZerosLike', 'ZerosLike', () => [tf.zerosLike(float([2, 3])), tf.zerosLike(bool([2]))]],
  [
    'OnesLike',
    'OnesLike',
    () => [tf.onesLike(float([2, 3])), tf.mul(tf.onesLike(float([2, 3])), float([3]))],
  ],
  ['Range', 'Range', () => [tf.range(0, 5), tf.range(5, 0, -2), tf.range(0, 10, 3, 'int32'), tf.range(3, 3)]],
  ['LinSpace', 'LinSpace', () => [tf.linspace(0, 1, 5), tf.linspace(3, 4, 1)]],
];

agreesWithCpu(
  [...shaping, ...indexing, ...creation],
  [...shapeKernels, ...indexingKernels, ...creationKernels],
);
