// Every kernel of the table against tfjs's plain CPU backend, on several shapes, dtypes and broadcasts. Both backends
// get the same calls; the CPU one computes in float64 between float32 tensors, so small differences are allowed.

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configure } from './index.ts';
import { kernelTable } from './kernels/table.ts';

type Tensors = tf.Tensor | tf.Tensor[];
type Case = readonly [name: string, kernels: string, run: () => Tensors, tolerance?: number];

/** Numbers in (-scale, scale), the same in every run. */
function numbers(size: number, scale = 2, seed = 1): Float32Array {
  let state = seed * 7919 + size;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.fround((state / 0x7fffffff - 0.5) * 2 * scale);
  });
}

const sizeOf = (shape: number[]) => shape.reduce((product, size) => product * size, 1);
const float = (shape: number[], scale = 2, seed = 1) => tf.tensor(numbers(sizeOf(shape), scale, seed), shape);
const positive = (shape: number[], seed = 1) => tf.add(tf.abs(float(shape, 3, seed)), 0.1);
const int = (shape: number[], scale = 6, seed = 1) =>
  tf.tensor(Int32Array.from(numbers(sizeOf(shape), scale, seed), Math.round), shape, 'int32');
const bool = (shape: number[], seed = 1) =>
  tf.tensor(
    Uint8Array.from(numbers(sizeOf(shape), 1, seed), (x) => (x > 0 ? 1 : 0)),
    shape,
    'bool',
  );
const special = () => tf.tensor([Number.NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -2.5, 1e-30, 3e38]);

const kernel = (name: string, inputs: Record<string, tf.Tensor>, attributes: object = {}) =>
  tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap) as Tensors;

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

const pairs: [number[], number[]][] = [
  [[], []],
  [[3], []],
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [
    [2, 1],
    [1, 3],
  ],
  [[2, 3, 4, 5], [5]],
  [
    [2, 3, 4, 5],
    [2, 1, 1, 5],
  ],
  [
    [1, 3, 1, 5],
    [2, 1, 4, 1],
  ],
  [[0, 3], [3]],
];

function binary(
  name: string,
  f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  make: (shape: number[], seed: number) => tf.Tensor = (shape, seed) => float(shape, 3, seed),
): Case[] {
  return pairs.map(([a, b]) => [`${name} [${a}] [${b}]`, name, () => f(make(a, 1), make(b, 2))]);
}

const nonZeroInt = (shape: number[], seed: number) =>
  tf.add(tf.abs(int(shape, 6, seed)), tf.scalar(1, 'int32'));
const roundedFloat = (shape: number[], seed: number) => tf.round(float(shape, 2, seed));

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

const binaryCases: Case[] = [
  ...binary('Add', tf.add),
  ...binary('Sub', tf.sub),
  ...binary('Multiply', tf.mul),
  ...binary('RealDiv', tf.div, (shape, seed) => positive(shape, seed)),
  ...binary('FloorDiv', tf.floorDiv, (shape, seed) => positive(shape, seed)),
  ...binary('FloorDiv', tf.floorDiv, nonZeroInt),
  ...binary('Maximum', tf.maximum),
  ...binary('Minimum', tf.minimum),
  ...binary('Maximum', tf.maximum, (shape, seed) => int(shape, 6, seed)),
  ...binary('Pow', tf.pow, (shape, seed) => positive(shape, seed)),
  ...binary('Pow', tf.pow, nonZeroInt),
  ...binary('Mod', tf.mod, (shape, seed) => tf.add(float(shape, 5, seed), 0.37)),
  ...binary('Mod', tf.mod, nonZeroInt),
  ...binary('SquaredDifference', tf.squaredDifference),
  ...binary('Atan2', tf.atan2),
  ...binary('Add', tf.add, (shape, seed) => int(shape, 6, seed)),
  ...binary('Sub', tf.sub, (shape, seed) => int(shape, 6, seed)),
  ...binary('Multiply', tf.mul, (shape, seed) => int(shape, 6, seed)),
  ...binary('Equal', tf.equal, roundedFloat),
  ...binary('NotEqual', tf.notEqual, roundedFloat),
  ...binary('Greater', tf.greater, roundedFloat),
  ...binary('GreaterEqual', tf.greaterEqual, roundedFloat),
  ...binary('Less', tf.less, roundedFloat),
  ...binary('LessEqual', tf.lessEqual, roundedFloat),
  ...binary('Less', tf.less, (shape, seed) => int(shape, 2, seed)),
  ...binary('Equal', tf.equal, bool),
  ...binary('LogicalAnd', tf.logicalAnd, bool),
  ...binary('LogicalOr', tf.logicalOr, bool),
  ...binary('LogicalXor', tf.logicalXor, bool),
  ['Maximum of NaN', 'Maximum', () => tf.maximum(special(), tf.scalar(0.25))],
  ['Minimum of NaN', 'Minimum', () => tf.minimum(special(), tf.scalar(0.25))],
  ['mixed dtypes', 'Add', () => tf.add(int([3]), float([3]))],
  ['Prelu per channel', 'Prelu', () => tf.prelu(float([2, 3, 3, 4]), float([4], 2, 3))],
  ['Prelu per element', 'Prelu', () => tf.prelu(float([2, 3, 4]), float([3, 4], 2, 3))],
  ['Prelu slope above 1', 'Prelu', () => tf.prelu(float([2, 4]), tf.tensor([1.5, -0.5, 0, 1]))],
  ['AddN', 'AddN', () => tf.addN([float([2, 3]), float([2, 3], 2, 5), float([2, 3], 2, 9)])],
  ['AddN of one', 'AddN', () => tf.addN([float([2, 3])])],
  ['Select', 'Select', () => tf.where(bool([2, 3]), float([2, 3]), float([2, 3], 2, 5))],
  ['Select int32', 'Select', () => tf.where(bool([4]), int([4]), int([4], 6, 5))],
];

const axesOf: (number | number[] | undefined)[] = [undefined, 0, -1, [1, 2], [0, 1, 2], [0, 1, 2, 3]];

function reduction(
  name: string,
  f: (x: tf.Tensor, axis?: number | number[], keep?: boolean) => tf.Tensor,
  make = float,
): Case[] {
  return [
    ...axesOf.flatMap((axis): Case[] => [
      [`${name} over ${axis}`, name, () => f(make([2, 3, 4, 5]), axis)],
      [`${name} over ${axis}, kept`, name, () => f(make([2, 3, 4, 5]), axis, true)],
    ]),
    [`${name} of a scalar`, name, () => f(make([]))],
    [`${name} of a vector`, name, () => f(make([7]), 0)],
  ];
}

const reductions: Case[] = [
  ...reduction('Sum', tf.sum),
  ...reduction('Mean', tf.mean),
  ...reduction('Max', tf.max),
  ...reduction('Min', tf.min),
  ...reduction('Prod', tf.prod),
  ...reduction('Sum', tf.sum, (shape) => int(shape)),
  ...reduction('Max', tf.max, (shape) => int(shape)),
  ...reduction('Sum', tf.sum, (shape) => bool(shape)),
  ...reduction('Any', tf.any, (shape) => bool(shape)),
  ...reduction('All', tf.all, (shape) => tf.cast(tf.greater(float(shape), -1.5), 'bool')),
  ['Sum of nothing', 'Sum', () => tf.sum(float([0, 3]), 0)],
  ['Prod of nothing', 'Prod', () => tf.prod(float([0, 3]), 0)],
  ['ArgMax', 'ArgMax', () => [0, 1, 2].map((axis) => tf.argMax(float([3, 4, 5]), axis))],
  ['ArgMin', 'ArgMin', () => [0, 1, 2].map((axis) => tf.argMin(float([3, 4, 5]), axis))],
  ['ArgMax with ties', 'ArgMax', () => tf.argMax(tf.tensor([1, 3, 3, 2]), 0)],
  ['ArgMax int32', 'ArgMax', () => tf.argMax(int([3, 4]), 1)],
  [
    'Cumsum',
    'Cumsum',
    () => [
      tf.cumsum(float([3, 4]), 1),
      tf.cumsum(float([3, 4]), 0, true),
      tf.cumsum(float([3, 4]), 1, false, true),
      tf.cumsum(float([3, 4]), 0, true, true),
    ],
  ],
  ['Cumsum int32', 'Cumsum', () => tf.cumsum(int([3, 4]), 0)],
  ['Softmax', 'Softmax', () => [tf.softmax(float([2, 3, 5], 30)), tf.softmax(float([4]))]],
  ['LogSoftmax', 'LogSoftmax', () => [tf.logSoftmax(float([2, 3, 5], 30)), tf.logSoftmax(float([4]))]],
];

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
    'StridedSlice',
    'StridedSlice',
    () => [
      tf.stridedSlice(float([5, 6]), [1, 0], [5, 6], [2, 3]),
      tf.stridedSlice(float([5]), [4], [-6], [-1]),
      tf.stridedSlice(float([5]), [3], [0], [-2]),
      tf.stridedSlice(float([3, 4]), [1, 1], [2, 3], [1, 1], 0, 0, 0, 0, 1),
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
  ['over nothing', 'BatchMatMul', () => tf.matMul(tf.zeros([3, 0]), tf.zeros([0, 2]))],
  ['of nothing', 'BatchMatMul', () => tf.matMul(tf.zeros([0, 3]), tf.zeros([3, 2]))],
];

const table: [string, Case[]][] = [
  ['elementwise', elementwise],
  ['cast', casts],
  ['binary', binaryCases],
  ['reduction', reductions],
  ['shape', shaping],
  ['indexing', indexing],
  ['creation', creation],
  ['matrix product', matmuls],
];

interface Result {
  shape: number[];
  dtype: string;
  values: number[];
}

function evaluate(run: () => Tensors): Result[] {
  const tensors = tf.tidy(run);
  return (Array.isArray(tensors) ? tensors : [tensors]).map((tensor) => {
    const result = { shape: tensor.shape, dtype: tensor.dtype, values: Array.from(tensor.dataSync()) };
    tensor.dispose();
    return result;
  });
}

function expectClose(actual: Result[], expected: Result[], tolerance: number): void {
  expect(actual.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
    expected.map(({ shape, dtype }) => ({ shape, dtype })),
  );
  for (const [i, { values }] of expected.entries()) {
    const found = actual[i]!.values;
    expect(found.length).toBe(values.length);
    for (const [j, value] of values.entries()) {
      const other = found[j]!;
      const isClose =
        Object.is(value, other) ||
        value === other ||
        Math.abs(value - other) <= tolerance * (1 + Math.abs(value));
      if (!isClose) expect.fail(`result ${i}, element ${j}: ${other}, the CPU backend has ${value}`);
    }
  }
}

beforeAll(() => configure({ threads: 1, cacheEntries: 4 }));
afterAll(() => tf.setBackend('cpu'));

for (const [family, cases] of table) {
  describe(family, () => {
    it.each(cases.map(([name, , run, tolerance]) => ({ name, run, tolerance: tolerance ?? 2e-5 })))(
      '$name',
      async ({ run, tolerance }) => {
        await tf.setBackend('cpu');
        const expected = evaluate(run);
        await tf.setBackend('onnxruntime');
        expectClose(evaluate(run), expected, tolerance);
      },
    );
  });
}

it('selects rows by a vector', async () => {
  await tf.setBackend('onnxruntime');
  const inputs = {
    condition: tf.tensor([1, 0], [2], 'bool'),
    t: tf.tensor2d([
      [1, 2],
      [3, 4],
    ]),
    e: tf.tensor2d([
      [5, 6],
      [7, 8],
    ]),
  };
  expect(evaluate(() => kernel('Select', inputs))[0]!.values).toEqual([1, 2, 7, 8]);
});

it('has a case for every kernel of the table (convolutions and batch normalisation have tests of their own)', () => {
  const tested = new Set(table.flatMap(([, cases]) => cases.map(([, kernels]) => kernels)));
  const untested = kernelTable.map((row) => row.kernel).filter((name) => !tested.has(name));
  expect(untested.filter((name) => !/Conv2D|Conv2d|BatchNorm/.test(name))).toEqual([]);
});
