// Fused kernels, pooling, and elementwise work between convolutions in the layouts that those leave behind.

import * as tf from '@tensorflow/tfjs-core';
import { agreesWithCpu, type Case, float } from '../testing/cpu-agreement.ts';
import { fusedKernels } from './fused.ts';
import { poolingKernels } from './pooling.ts';

const image = (channels: number, seed = 1) => float([2, 6, 7, channels], 2, seed) as tf.Tensor4D;
const activationsOfFused = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const;

const fusedAndPooled: Case[] = [
  ...activationsOfFused.flatMap((activation): Case[] => [
    [
      `convolution, ${activation}`,
      'FusedConv2D',
      () =>
        tf.fused.conv2d({
          x: image(16),
          filter: float([3, 3, 16, 16], 0.3, 3) as tf.Tensor4D,
          strides: 1,
          pad: 'same',
          bias: float([16]),
          activation,
          leakyreluAlpha: 0.3,
          preluActivationWeights: float([16], 1, 9),
        }),
    ],
    [
      `matrix product, ${activation}`,
      '_FusedMatMul',
      () =>
        tf.fused.matMul({
          a: float([3, 4]) as tf.Tensor2D,
          b: float([4, 5], 1, 3) as tf.Tensor2D,
          bias: float([5]),
          activation,
          leakyreluAlpha: 0.3,
          preluActivationWeights: float([5], 1, 9),
        }),
    ],
  ]),
  [
    'depthwise convolution without bias',
    'FusedDepthwiseConv2D',
    () =>
      tf.fused.depthwiseConv2d({
        x: image(16),
        filter: float([3, 3, 16, 1], 0.3, 3) as tf.Tensor4D,
        strides: 1,
        pad: 1,
        activation: 'relu',
      }),
  ],
  ...(['same', 'valid'] as const).flatMap((pad): Case[] => [
    [
      `MaxPool ${pad}`,
      'MaxPool',
      () => [tf.maxPool(image(3), 3, 2, pad), tf.maxPool(tf.relu(image(16)), 2, 1, pad)],
    ],
    [
      `AvgPool ${pad}`,
      'AvgPool',
      () => [tf.avgPool(image(3), 3, 2, pad), tf.avgPool(tf.relu(image(16)), 2, 1, pad)],
    ],
  ]),
  ...([1, 2, 3] as const).map(
    (stride): Case => [
      `AvgPoolGrad with stride ${stride}`,
      'AvgPoolGrad',
      () =>
        [image(3), image(16)].map((x) =>
          tf.grad((a) => tf.square(tf.avgPool(a as tf.Tensor4D, 3, stride, stride === 3 ? 'valid' : 'same')))(
            x,
          ),
        ),
      1e-4,
    ],
  ),
  ...(['ceil', 'round'] as const).map(
    (rounding): Case => [
      `numbers of windows rounded, ${rounding}`,
      'FusedConv2D',
      () => {
        const filter = float([3, 3, 16, 16], 0.3, 3) as tf.Tensor4D;
        // Not the gradients: those of tfjs know nothing of rounding, and leave the last windows out.
        return [
          tf.conv2d(image(16), filter, 2, 1, 'NHWC', 1, rounding),
          tf.maxPool(image(16), 3, 2, 0, rounding),
          tf.avgPool(tf.relu(image(16)), 3, 2, 1, rounding),
        ];
      },
      1e-4,
    ],
  ),
  [
    'fewer columns than there is room for, as tfjs counts them',
    'FusedConv2D',
    () => {
      const filter = float([3, 1, 16, 16], 0.3, 3) as tf.Tensor4D;
      const convolve = (x: tf.Tensor, w: tf.Tensor) =>
        tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, [3, 1], 1);
      return [
        convolve(image(16), filter),
        ...tf.grads((x, w) => tf.square(convolve(x, w)))([image(16), filter]),
        tf.maxPool(image(3), [3, 2], [3, 1], 1),
      ];
    },
    1e-4,
  ],
  [
    'pooling of a convolution',
    'MaxPool',
    () => {
      const y = tf.conv2d(image(3), float([3, 3, 3, 16], 1, 5) as tf.Tensor4D, 1, 'same');
      return [
        tf.maxPool(y, 3, 2, 'same'),
        tf.avgPool(y, 3, 2, 'same'),
        tf.mean(y, [1, 2]),
        tf.sum(y, [0, 1, 2]),
      ];
    },
    1e-4,
  ],
  [
    'elementwise work on a convolution',
    'Conv2D',
    () => {
      const y = tf.conv2d(image(3), float([3, 3, 3, 16], 1, 5) as tf.Tensor4D, 1, 'same');
      const channel = float([16], 1, 7);
      const gate = tf.sigmoid(tf.mean(y, [1, 2], true));
      return [
        tf.add(y, channel),
        tf.sub(y, channel),
        tf.sub(channel, y),
        tf.mul(y, channel),
        tf.div(y, tf.add(tf.abs(channel), 1)),
        tf.mul(y, gate),
        tf.mul(y, float([7, 1], 1, 9)),
        tf.maximum(y, tf.neg(y)),
        tf.prelu(y, channel),
        tf.cast(tf.greater(y, 0), 'float32'),
        tf.greater(y, 0),
        tf.where(tf.greater(y, 0), y, tf.zerosLike(y)),
        tf.cast(y, 'int32'),
        tf.transpose(y, [0, 3, 1, 2]),
        tf.max(y, [1, 2]),
        tf.max(y),
        tf.sum(y),
        tf.mean(y, [0, 1, 2]),
        tf.mul(tf.ones([2, 6, 7, 16]), y),
        tf.batchNorm(y, channel as tf.Tensor1D, tf.abs(channel) as tf.Tensor1D),
      ];
    },
    1e-4,
  ],
  [
    'a sum of convolutions in different layouts',
    'Conv2D',
    () => {
      const x = image(16);
      const blocked = tf.conv2d(x, float([3, 3, 16, 16], 0.3, 5) as tf.Tensor4D, 1, 'same');
      return [tf.add(blocked, x), tf.add(x, blocked), tf.mul(tf.cast(tf.greater(x, 0), 'float32'), blocked)];
    },
    1e-4,
  ],
];

agreesWithCpu(fusedAndPooled, [...fusedKernels, ...poolingKernels]);
