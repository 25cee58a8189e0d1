// Elementwise kernels of one input, and casts.

import * as tf from '@tensorflow/tfjs-core';
import { agreesWithCpu, bool, type Case, float, int, kernel, positive } from '../testing/cpu-agreement.ts';
import { unaryKernels } from './unary.ts';

const special = () => tf.tensor([Number.NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -2.5, 1e-30, 3e38]);

const shapes: number[][] = [[], [5], [2, 3], [2, 3, 4, 5], [0], [2, 0, 3]];

function unary(
  name: string,
  f: (x: tf.Tensor) => tf.Tensor,
  domain: 'real' | 'positive' | 'unit' | 'above1' = 'real',
) {
  const inputs = (shape: number[]) => {
    if (domain === 'positive') return positive(shape);
    if (domain === 'above1') return tf.add(positive(shape), 1);
    return float(shape, domain === 'unit' ? 0.99 : 3);
  };
  return shapes.map((shape): Case => [`${name} [${shape}]`, name, () => f(inputs(shape))]);
}

const elementwise: Case[] = [
  ...unary('Abs', tf.abs),
  ...unary('Acos', tf.acos, 'unit'),
  ...unary('Acosh', tf.acosh, 'above1'),
  ...unary('Asin', tf.asin, 'unit'),
  ...unary('Asinh', tf.asinh),
  ...unary('Atan', tf.atan),
  ...unary('Atanh', tf.atanh, 'unit'),
  ...unary('Ceil', tf.ceil),
  ...unary('Cos', tf.cos),
  ...unary('Cosh', tf.cosh),
  ...unary('Elu', tf.elu),
  ...unary('Erf', tf.erf),
  ...unary('Exp', tf.exp),
  ...unary('Expm1', tf.expm1),
  ...unary('Floor', tf.floor),
  ...unary('LeakyRelu', (x) => tf.leakyRelu(x, 0.3)),
  ...unary('Log', tf.log, 'positive'),
  ...unary('Log1p', tf.log1p, 'positive'),
  ...unary('Neg', tf.neg),
  ...unary('Reciprocal', tf.reciprocal, 'positive'),
  ...unary('Relu', tf.relu),
  ...unary('Relu6', (x) => tf.relu6(tf.mul(x, 4))),
  ...unary('Round', tf.round),
  ...unary('Rsqrt', tf.rsqrt, 'positive'),
  ...unary('Selu', tf.selu),
  ...unary('Sigmoid', tf.sigmoid),
  ...unary('Sign', tf.sign),
  ...unary('Sin', tf.sin),
  ...unary('Sinh', tf.sinh),
  ...unary('Softplus', tf.softplus),
  ...unary('Sqrt', tf.sqrt, 'positive'),
  ...unary('Square', tf.square),
  ...unary('Step', (x) => tf.step(x, 0.25)),
  ...unary('Tan', tf.tan),
  ...unary('Tanh', tf.tanh),
  ...unary('ClipByValue', (x) => tf.clipByValue(x, -0.5, 1.5)),
  ...unary('IsNan', tf.isNaN),
  ...unary('IsInf', tf.isInf),
  ...unary('IsFinite', tf.isFinite),
  ...['Abs', 'Neg', 'Sign', 'Relu', 'Square', 'Floor', 'Relu6'].map(
    (name): Case => [`${name} int32`, name, () => kernel(name, { x: int([3, 4]) })],
  ),
  ['Log1p keeps digits', 'Log1p', () => tf.log1p(tf.tensor([1e-6, -1e-6, 3e-8, 0, 1e10])), 1e-6],
  ['Expm1 keeps digits', 'Expm1', () => tf.expm1(tf.tensor([1e-6, -1e-6, 3e-8, 0, 20])), 1e-6],
  ['ClipByValue int32', 'ClipByValue', () => tf.clipByValue(int([7]), -2, 3)],
  ['ClipByValue int32, one bound', 'ClipByValue', () => tf.clipByValue(int([7]), 0, Infinity)],
  ['ClipByValue bool', 'ClipByValue', () => tf.clipByValue(bool([5]), 0, 0)],
  ['Step bool', 'Step', () => tf.step(bool([5]))],
  ['LogicalNot', 'LogicalNot', () => tf.logicalNot(bool([2, 3]))],
  ...(['Relu', 'IsNan', 'IsInf', 'IsFinite', 'Abs', 'Neg', 'Sign', 'Sqrt', 'Tanh', 'Step'] as const).map(
    (name): Case => [
      `${name} of NaN and infinities`,
      name,
      () => kernel(name, { x: special() }, { alpha: 0 }),
    ],
  ),
];

const casts: Case[] = [
  ['float32 to int32', 'Cast', () => tf.cast(tf.tensor([1.9, -1.9, 0.5, Number.NaN, 7]), 'int32')],
  ['float32 to bool', 'Cast', () => tf.cast(tf.tensor([1.9, 0, Number.NaN, -0.2]), 'bool')],
  ['int32 to float32', 'Cast', () => tf.cast(int([4]), 'float32')],
  ['int32 to bool', 'Cast', () => tf.cast(tf.tensor([0, 1, -3], [3], 'int32'), 'bool')],
  ['bool to float32', 'Cast', () => tf.cast(bool([4]), 'float32')],
  ['bool to int32', 'Cast', () => tf.cast(bool([2, 2]), 'int32')],
  ['nothing', 'Cast', () => tf.cast(float([0, 2]), 'int32')],
];

agreesWithCpu([...elementwise, ...casts], unaryKernels);
