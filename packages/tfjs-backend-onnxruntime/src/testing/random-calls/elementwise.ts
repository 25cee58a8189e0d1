// Elementwise kernels. What tfjs's CPU backend does that nobody means is left out: it gives the results of most functions of
// integers as integers, and its powers are JavaScript's, which has no 1 ** NaN.

import * as tf from '@tensorflow/tfjs-core';
import type { Draws, Given } from '../draws.ts';
import type { Call, RandomCall } from './random-call.ts';

type Make = (draws: Draws, shape: readonly number[]) => Given;

const hard: Make = (draws, shape) => draws.hard(shape);
const plain: Make = (draws, shape) => draws.plain(shape);
const integers: Make = (draws, shape) => draws.wideIntegers(shape);
const smallIntegers: Make = (draws, shape) => draws.integers(shape);
const bools: Make = (draws, shape) => draws.bools(shape);
const unit: Make = (draws, shape) => draws.floats(shape, 1, [1, -1, 0, 1.5, Number.NaN]);

function one(draws: Draws, make: Make): Given {
  return draws.chance(0.3) ? draws.image((shape) => make(draws, shape)) : make(draws, draws.shape());
}

/** Functions of which ONNX Runtime's have an error of their own about zero. */
const coarse = new Set([
  'Sin',
  'Cos',
  'Tan',
  'Elu',
  'Selu',
  'Erf',
  'Mod',
  'Pow',
  'Atan2',
  'Log',
  'Asinh',
  'Acosh',
]);
const ofLargest = (kernel: string) => (coarse.has(kernel) ? 2e-7 : 0);

function unary(
  kernel: string,
  makes: readonly Make[],
  attributes: (draws: Draws) => object = () => ({}),
): RandomCall {
  return {
    kernel,
    ofLargest: ofLargest(kernel),
    draw: (draws) => ({ inputs: { x: one(draws, draws.pick(makes)) }, attributes: attributes(draws) }),
  };
}

function binary(kernel: string, makes: readonly (Make | readonly [Make, Make])[]): RandomCall {
  return {
    kernel,
    ofLargest: ofLargest(kernel),
    draw(draws): Call {
      const make = draws.pick(makes);
      const isImage = draws.chance(0.3);
      const image = draws.image((shape) => (typeof make === 'function' ? make : make[0])(draws, shape));
      const shapes = isImage ? draws.broadcast(2, [...image.shape]) : draws.shuffled(draws.broadcast(2));
      const operands = shapes.map((shape, i) => (typeof make === 'function' ? make : make[i]!)(draws, shape));
      if (isImage) operands[0] = { ...operands[0]!, isConvolved: image.isConvolved === true };
      return { inputs: { a: operands[0]!, b: operands[1]! } };
    },
  };
}

const sameShape: readonly Make[] = [hard, integers, bools];
const comparisons = ['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual'];

export const elementwiseCalls: readonly RandomCall[] = [
  ...[
    'Exp',
    'Log',
    'Sqrt',
    'Atan',
    'Sinh',
    'Cosh',
    'Tanh',
    'Asinh',
    'Acosh',
    'Sigmoid',
    'Softplus',
    'Erf',
    'Reciprocal',
    'Elu',
    'Selu',
    'Rsqrt',
    'Log1p',
    'Expm1',
  ].map((kernel) => unary(kernel, [hard])),
  ...['Sin', 'Cos', 'Tan'].map((kernel) => unary(kernel, [plain])),
  ...['Asin', 'Acos', 'Atanh'].map((kernel) => unary(kernel, [unit])),
  unary('Abs', [hard, smallIntegers, bools]),
  unary('Neg', [hard, integers]),
  unary('Square', [hard, smallIntegers, bools]),
  ...['Floor', 'Ceil', 'Round', 'Sign', 'Relu', 'Relu6', 'IsNan', 'IsInf', 'IsFinite'].map((kernel) =>
    unary(kernel, sameShape),
  ),
  unary('LogicalNot', [bools]),
  unary('LeakyRelu', [hard, integers], (draws) => ({ alpha: draws.pick([0, 0.2, 1.5, -0.3]) })),
  unary('Step', [hard, integers], (draws) => ({ alpha: draws.pick([0, 0.25, -2]) })),
  unary('ClipByValue', [hard, integers], (draws) => {
    const bounds = [-Infinity, -1e10, -2.5, -1, 0, 0.5, 1, 3.7, 1e10, Infinity];
    const low = draws.integer(0, bounds.length - 1);
    // Beyond the integers, tfjs's CPU backend takes a lower bound modulo 2^32.
    return {
      clipValueMin: bounds[Math.min(low, 7)],
      clipValueMax: bounds[draws.integer(Math.max(1, low), bounds.length - 1)],
    };
  }),
  {
    kernel: 'Cast',
    draw: (draws) => ({
      inputs: {
        x: one(
          draws,
          draws.pick([
            (from, shape) =>
              from.floats(shape, 2 ** 33, [Number.NaN, Infinity, -Infinity, 0, -0.5, 1e20, -1e20, 1.9]),
            integers,
            bools,
          ]),
        ),
      },
      attributes: { dtype: draws.pick(['float32', 'int32', 'bool']) },
    }),
  },

  ...['Add', 'Sub', 'Maximum', 'Minimum', 'SquaredDifference'].map((kernel) =>
    binary(kernel, [hard, kernel === 'SquaredDifference' ? smallIntegers : integers]),
  ),
  binary('Multiply', [hard, (draws, shape) => draws.integers(shape, -(2 ** 26), 2 ** 26), bools]),
  binary('RealDiv', [hard]),
  binary('FloorDiv', [
    (draws, shape) => draws.floats(shape, 100, [0, -0, 1, -1, Number.NaN, Infinity, -Infinity]),
    integers,
  ]),
  binary('Mod', [
    (draws, shape) => draws.floats(shape, 5, [0, -0, Infinity, -Infinity, Number.NaN, 1, -1, 2.5]),
    integers,
  ]),
  binary('Pow', [
    [(draws, shape) => draws.positive(shape), plain],
    [(draws, shape) => draws.integers(shape, -5, 5), (draws, shape) => draws.integers(shape, -2, 12)],
  ]),
  binary('Atan2', [hard, smallIntegers]),
  binary('BitwiseAnd', [integers]),
  ...comparisons.map((kernel) => binary(kernel, [hard, integers, bools])),
  ...['LogicalAnd', 'LogicalOr'].map((kernel) => binary(kernel, [bools])),
  { ...binary('LogicalXor', [bools]), reference: ([a, b]) => tf.logicalXor(a!, b!) },
  {
    kernel: 'Prelu',
    draw(draws) {
      const image = draws.image((shape) => draws.hard(shape));
      const shapes = draws.broadcast(2, draws.chance(0.5) ? [...image.shape] : draws.shape());
      const x =
        shapes[0]!.length === 4 && shapes[0]!.every((size, i) => size === image.shape[i])
          ? image
          : draws.plain(shapes[0]!);
      // Of infinities, what a slope of 1 more or less would add cancels in one way or another.
      const values = Float32Array.from(x.values, (value) => (Math.abs(value) > 1e30 ? 1 : value));
      return { inputs: { x: { ...x, values }, alpha: draws.plain(shapes[1]!, 1.5) } };
    },
  },
  {
    kernel: 'EluGrad',
    draw(draws) {
      const shape = draws.shape();
      return { inputs: { dy: draws.plain(shape), y: draws.hard(shape) } };
    },
  },
  {
    kernel: 'Select',
    draw(draws) {
      const make = draws.pick([hard, integers, bools]);
      const t = one(draws, make);
      // Whole rows, by a vector, tfjs's CPU kernel picks in a way of its own.
      return { inputs: { condition: draws.bools(t.shape), t, e: make(draws, t.shape) } };
    },
  },
  {
    kernel: 'AddN',
    draw(draws) {
      const make = draws.pick([hard, smallIntegers]);
      const shape = draws.shape();
      return { inputs: Array.from({ length: draws.integer(1, 4) }, () => make(draws, shape)) };
    },
  },
];
