// Matrix products.

import * as tf from '@tensorflow/tfjs-core';
import { agreesWithCpu, type Case, float, int } from '../testing/cpu-agreement.ts';
import { matmulKernels } from './matmul.ts';

const matmuls: Case[] = [
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB): Case => {
      const a = transposeA ? [4, 3] : [3, 4];
      const b = transposeB ? [5, 4] : [4, 5];
      return [
        `matrices ${transposeA} ${transposeB}`,
        'BatchMatMul',
        () => [
          tf.matMul(float(a) as tf.Tensor2D, float(b, 2, 3) as tf.Tensor2D, transposeA, transposeB),
          tf.matMul(float([2, ...a]), float([2, ...b], 2, 3), transposeA, transposeB),
          tf.matMul(float([2, ...a]), float([1, ...b], 2, 3), transposeA, transposeB),
        ],
      ];
    }),
  ),
  [
    'of integers',
    'BatchMatMul',
    () => [
      tf.matMul(int([3, 4]) as tf.Tensor2D, int([4, 2]) as tf.Tensor2D),
      tf.matMul(int([2, 3, 4]), int([2, 2, 4]), false, true),
    ],
  ],
  ['over nothing', 'BatchMatMul', () => tf.matMul(tf.zeros([3, 0]), tf.zeros([0, 2]))],
  ['of nothing', 'BatchMatMul', () => tf.matMul(tf.zeros([0, 3]), tf.zeros([3, 2]))],
];

agreesWithCpu(matmuls, matmulKernels);
