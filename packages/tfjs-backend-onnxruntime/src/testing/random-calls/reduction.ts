// Kernels that reduce over axes, and matrix products. Of no elements tfjs's CPU backend finds means, extrema and truths that
// nobody means, so those are left out, and of maxima the places where what is not a number comes first.

import * as tf from '@tensorflow/tfjs-core';
import { type Draws, type Given, sizeOf } from '../draws.ts';
import type { RandomCall } from './random-call.ts';

type Make = (draws: Draws, shape: readonly number[]) => Given;

const plain: Make = (draws, shape) => draws.plain(shape);
const withInfinities: Make = (draws, shape) => draws.floats(shape, 3, [Infinity, -Infinity, 1, 1, 0]);
const withNaN: Make = (draws, shape) => draws.floats(shape, 3, [Infinity, -Infinity, Number.NaN, 1]);
const integers: Make = (draws, shape) => draws.wideIntegers(shape);
const bools: Make = (draws, shape) => draws.bools(shape);

function subject(draws: Draws, make: Make, withEmpty: boolean): Given {
  return draws.chance(0.3)
    ? draws.image((shape) => make(draws, shape))
    : make(draws, draws.shape(0, 6, withEmpty));
}

function reduction(kernel: string, makes: readonly Make[], withEmpty = false, axes = 'axis'): RandomCall {
  return {
    kernel,
    ofLargest: 2e-6,
    draw(draws) {
      const x = subject(draws, draws.pick(makes), withEmpty);
      const all = draws.shuffled(x.shape.map((_, axis) => axis)).slice(0, draws.integer(0, x.shape.length));
      const picked = all.map((axis) => (draws.chance(0.3) ? axis - x.shape.length : axis));
      return { inputs: { x }, attributes: { [axes]: picked, keepDims: draws.chance(0.5) } };
    },
  };
}

function alongOne(
  kernel: string,
  makes: readonly Make[],
  attributes: (draws: Draws) => object = () => ({}),
): RandomCall {
  return {
    kernel,
    ofLargest: 2e-6,
    draw(draws) {
      const x = draws.pick(makes)(draws, draws.shape(1, 6, false));
      return {
        inputs: { x },
        attributes: { axis: draws.integer(0, x.shape.length - 1), ...attributes(draws) },
      };
    },
  };
}

const running = (draws: Draws) => ({ exclusive: draws.chance(0.5), reverse: draws.chance(0.5) });

/** Two stacks of matrices that can be multiplied. */
function factors(draws: Draws): { inputs: Record<string, Given>; attributes: object } {
  const sides = Array.from({ length: 3 }, () => (draws.chance(0.08) ? 0 : draws.integer(1, 5)));
  const [rows, inner, columns] = sides as [number, number, number];
  const [transposeA, transposeB] = [draws.chance(0.5), draws.chance(0.5)];
  const stack = draws.shape(0, 3, false);
  const other = draws.chance(0.3) ? stack.map(() => 1) : stack;
  const make: Make = draws.pick([plain, (from, shape) => from.integers(shape)]);
  return {
    inputs: {
      a: make(draws, [...stack, ...(transposeA ? [inner, rows] : [rows, inner])]),
      b: make(draws, [...other, ...(transposeB ? [columns, inner] : [inner, columns])]),
    },
    attributes: { transposeA, transposeB },
  };
}

export const reductionCalls: readonly RandomCall[] = [
  reduction('Sum', [plain, withInfinities, integers, bools], true),
  reduction('Mean', [plain, withInfinities, (draws, shape) => draws.integers(shape), bools]),
  reduction('Max', [withNaN, integers, bools], false, 'reductionIndices'),
  reduction('Min', [withNaN, integers, bools]),
  reduction('Prod', [plain, (draws, shape) => draws.integers(shape, -2, 2), bools], true),
  reduction('Any', [bools]),
  reduction('All', [bools]),
  ...['ArgMax', 'ArgMin'].map((kernel) => alongOne(kernel, [withInfinities, integers, bools])),
  alongOne('Cumsum', [plain, integers, bools], running),
  alongOne('Cumprod', [plain, (draws, shape) => draws.integers(shape, -2, 2), bools], running),
  ...['Softmax', 'LogSoftmax'].map(
    (kernel): RandomCall => ({
      kernel,
      draw(draws) {
        const shape = draws.shape(1);
        const logits = draws.floats(shape, draws.pick([1, 30, 500]), [-Infinity, 0]);
        const axis = shape.length - 1;
        return { inputs: { logits }, attributes: { dim: axis, axis } };
      },
      ...(kernel === 'LogSoftmax' && { reference: ([logits]) => tf.logSoftmax(logits!) }),
    }),
  ),
  {
    kernel: 'TopK',
    draw(draws) {
      const make = draws.pick([withInfinities, integers, bools]);
      const x = make(draws, draws.shape(1, 4, false));
      return { inputs: { x }, attributes: { k: draws.integer(1, x.shape.at(-1)!), sorted: true } };
    },
  },
  { kernel: 'BatchMatMul', draw: factors, ofLargest: 2e-6 },
  {
    kernel: '_FusedMatMul',
    ofLargest: 2e-6,
    draw(draws) {
      const { inputs, attributes } = factors(draws);
      const floats = Object.fromEntries(
        Object.entries(inputs).map(([name, given]) => [name, draws.plain(given.shape)]),
      );
      const columns = inputs.b!.shape.at('transposeB' in attributes && attributes.transposeB ? -2 : -1)!;
      const activation = draws.pick(['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu']);
      return {
        inputs: {
          ...floats,
          bias: draws.plain([columns]),
          preluActivationWeights: draws.plain([columns], 1),
        },
        attributes: { ...attributes, activation, leakyreluAlpha: 0.3 },
      };
    },
  },
  {
    kernel: 'Einsum',
    ofLargest: 2e-6,
    draw(draws) {
      const equation = draws.pick([
        'ij->ji',
        'ij->',
        'ij->j',
        'ij,jk->ik',
        'bij,bjk->bik',
        'i,j->ij',
        'bijc,bkc->bijk',
        'abc->cab',
      ]);
      const sides = new Map(
        [...'abcijk'].map((label) => [label, draws.chance(0.05) ? 0 : draws.integer(1, 4)]),
      );
      const make = draws.pick([plain, (from: Draws, shape: readonly number[]) => from.integers(shape)]);
      const terms = equation.split('->')[0]!.split(',');
      return {
        inputs: terms.map((term) =>
          make(
            draws,
            [...term].map((label) => sides.get(label)!),
          ),
        ),
        attributes: { equation },
      };
    },
  },
  {
    kernel: 'UnsortedSegmentSum',
    ofLargest: 2e-6,
    draw(draws) {
      const x = draws.plain(draws.shape(1, 4));
      const numSegments = draws.integer(1, 5);
      const segmentIds = draws.integers(x.shape.slice(0, 1), -1, numSegments);
      return { inputs: { x, segmentIds }, attributes: { numSegments } };
    },
  },
  ...['Bincount', 'DenseBincount'].map(
    (kernel): RandomCall => ({
      kernel,
      draw(draws) {
        const isLines = kernel === 'DenseBincount' && draws.chance(0.5);
        const x = draws.integers(isLines ? draws.shape(2, 2) : draws.shape(1, 1), 0, 6);
        const isWeighted = draws.chance(0.5) && sizeOf(x.shape) > 0;
        const weights = draws.pick([plain, (from: Draws, shape: readonly number[]) => from.integers(shape)]);
        const binaryOutput = kernel === 'DenseBincount' && isLines && draws.chance(0.5);
        return {
          inputs: { x, weights: weights(draws, isWeighted ? x.shape : isLines ? [0, 0] : [0]) },
          attributes: { size: draws.integer(1, 8), binaryOutput },
        };
      },
    }),
  ),
];
