// The largest elements, running products, and sums by equation.

import * as tf from '@tensorflow/tfjs-core';
import { agreesWithCpu, type Case, float, int } from '../testing/cpu-agreement.ts';
import { einsumKernels } from './einsum.ts';
import { orderingKernels } from './ordering.ts';

const products = [false, true].flatMap((exclusive) =>
  [false, true].map(
    (reverse): Case => [
      `Cumprod${exclusive ? ', exclusive' : ''}${reverse ? ', reverse' : ''}`,
      'Cumprod',
      () => [
        tf.cumprod(float([3, 7, 2]), 1, exclusive, reverse),
        tf.cumprod(float([9]), 0, exclusive, reverse),
        tf.cumprod(int([4, 3], 3), 1, exclusive, reverse),
        tf.cumprod(float([1, 3]), 0, exclusive, reverse),
      ],
    ],
  ),
);

const equations: readonly [string, number[], number[]?][] = [
  ['ij->ji', [3, 4]],
  ['ij->', [3, 4]],
  ['ij,jk->ik', [3, 4], [4, 5]],
  ['bij,bjk->bik', [2, 3, 4], [2, 4, 5]],
  ['i,j->ij', [3], [4]],
  ['bijc,bkc->bijk', [2, 3, 4, 5], [2, 6, 5]],
];

agreesWithCpu(
  [
    [
      'TopK',
      'TopK',
      () => [
        ...Object.values(tf.topk(float([3, 5]), 2)),
        ...Object.values(tf.topk(int([4, 6], 2), 4)),
        ...Object.values(tf.topk(tf.tensor1d([1, 1, 1]), 3, false)),
      ],
    ],
    ...products,
    ...equations.map(
      ([equation, a, b]): Case => [
        equation,
        'Einsum',
        () => tf.einsum(equation, float(a), ...(b ? [float(b, 2, 3)] : [])),
      ],
    ),
    ['Einsum of integers', 'Einsum', () => tf.einsum('ij,jk->ik', int([2, 3]), int([3, 2]))],
  ],
  [...orderingKernels, ...einsumKernels],
);
