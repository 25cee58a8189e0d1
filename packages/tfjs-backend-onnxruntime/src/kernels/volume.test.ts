// Volumes, the gradients of maxima, normalisation over neighbouring channels, and pixels moved between plane and batch.

import * as tf from '@tensorflow/tfjs-core';
import { agreesWithCpu, type Case, float, kernel } from '../testing/cpu-agreement.ts';
import { localResponseKernels } from './local-response.ts';
import { maxPoolGradientKernels } from './max-pool-gradient.ts';
import { spaceBatchKernels } from './space-batch.ts';
import { volumeKernels } from './volume.ts';

const volume = (channels: number) => float([2, 4, 5, 6, channels]) as tf.Tensor5D;
const image = (channels: number) => float([2, 6, 7, channels]) as tf.Tensor4D;
const windows = [
  [2, 1, 'valid'],
  [2, 2, 'same'],
  [3, 2, 'valid'],
  [3, 1, 'same'],
] as const;

const volumes = windows.flatMap(([size, stride, pad]): Case[] => {
  const label = `of ${size}, stride ${stride}, ${pad}`;
  const filter = () => float([size, size, size, 3, 4], 0.5, 7) as tf.Tensor5D;
  const gradients = () =>
    tf.grads((x, w) => tf.square(tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, stride, pad)))([
      volume(3),
      filter(),
    ]);
  const pooled = (pool: typeof tf.maxPool3d) => () =>
    tf.grad((x) => tf.square(pool(x as tf.Tensor5D, size, stride, pad)))(volume(3));
  return [
    [`convolution ${label}`, 'Conv3D', () => tf.conv3d(volume(3), filter(), stride, pad), 1e-4],
    [`gradients of a convolution ${label}`, 'Conv3DBackpropFilterV2', gradients, 1e-3],
    [`maxima ${label}`, 'MaxPool3D', () => tf.maxPool3d(volume(3), size, stride, pad)],
    [`averages ${label}`, 'AvgPool3D', () => tf.avgPool3d(volume(3), size, stride, pad)],
    [`gradient of maxima ${label}`, 'MaxPool3DGrad', pooled(tf.maxPool3d), 1e-4],
    [`gradient of averages ${label}`, 'AvgPool3DGrad', pooled(tf.avgPool3d), 1e-4],
    [
      `gradient of maxima of images ${label}`,
      'MaxPoolGrad',
      () => tf.grad((x) => tf.square(tf.maxPool(x as tf.Tensor4D, size, stride, pad)))(image(16)),
      1e-4,
    ],
  ];
});

const wide: Case[] = [
  [
    'gradient of maxima with padding as wide as the window',
    'MaxPoolGrad',
    () => tf.grad((x) => tf.square(tf.maximum(tf.maxPool(x as tf.Tensor4D, 2, 2, 2), -9)))(image(3)),
  ],
  [
    'padding as wide as the window',
    'AvgPool3D',
    () => [tf.maxPool(image(3), 2, 2, 2), tf.maxPool3d(volume(3), 2, 1, 2), tf.avgPool3d(volume(3), 2, 1, 2)],
  ],
  [
    'equal maxima',
    'MaxPoolGrad',
    () => tf.grad((x) => tf.maxPool(x as tf.Tensor4D, 3, 1, 'same'))(tf.ones([1, 4, 4, 2])),
  ],
];

const moved: Case[] = [
  ['DepthToSpace', 'DepthToSpace', () => tf.depthToSpace(image(8), 2)],
  [
    'SpaceToBatchND',
    'SpaceToBatchND',
    () => [
      tf.spaceToBatchND(
        image(3),
        [2, 3],
        [
          [1, 1],
          [0, 2],
        ],
      ),
      tf.spaceToBatchND(image(3), [2], [[0, 0]]),
    ],
  ],
  [
    'BatchToSpaceND',
    'BatchToSpaceND',
    () =>
      tf.batchToSpaceND(
        float([8, 3, 2, 3]),
        [2, 2],
        [
          [1, 0],
          [0, 1],
        ],
      ),
  ],
];

const normalised: Case[] = [
  ['LRN', 'LRN', () => tf.localResponseNormalization(image(7), 2, 1.5, 0.3, 0.6)],
  [
    'LRNGrad',
    'LRNGrad',
    () =>
      tf.grad((x) => tf.square(tf.localResponseNormalization(x as tf.Tensor4D, 1, 1, 0.4, 0.75)))(image(5)),
    1e-4,
  ],
];

agreesWithCpu(
  [
    ...volumes,
    ...wide,
    ...moved,
    ...normalised,
    [
      'input gradient where the stride leaves a rest',
      'Conv3DBackpropInputV2',
      () =>
        kernel(
          'Conv3DBackpropInputV2',
          { dy: float([1, 2, 2, 2, 4]), filter: float([2, 2, 2, 3, 4]) },
          { inputShape: [1, 5, 5, 5, 3], strides: 2, pad: 'valid' },
        ),
      1e-4,
    ],
  ],
  [...volumeKernels, ...maxPoolGradientKernels, ...localResponseKernels, ...spaceBatchKernels],
);
