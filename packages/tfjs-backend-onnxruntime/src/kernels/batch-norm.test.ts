// The fused batch normalisation against float64: values from the definition, gradients from central differences.

import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configure } from '../index.ts';
import { defaultOptions } from '../options.ts';
import { backend } from '../register.ts';

const epsilon = 1e-3;

interface Operands {
  x: Float64Array;
  scale: Float64Array;
  offset: Float64Array;
  slope: Float64Array | null;
}

function numbers(size: number, seed: number, scale = 1): Float64Array {
  let state = seed;
  return Float64Array.from({ length: size }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.fround(2 * scale * (state / 0x7fffffff - 0.5));
  });
}

/** y, mean and variance in float64. */
function reference({ x, scale, offset, slope }: Operands, channels: number) {
  const count = x.length / channels;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  x.forEach((value, i) => {
    mean[i % channels]! += value / count;
  });
  x.forEach((value, i) => {
    variance[i % channels]! += (value - mean[i % channels]!) ** 2 / count;
  });
  const y = x.map((value, i) => {
    const c = i % channels;
    const z = ((value - mean[c]!) / Math.sqrt(variance[c]! + epsilon)) * scale[c]! + offset[c]!;
    return slope && z < 0 ? z * slope[c]! : z;
  });
  return { y, mean, variance };
}

/** The gradient of sum(y * dy) by central differences. */
function differences(
  operands: Operands,
  dy: Float64Array,
  channels: number,
  name: keyof Operands,
): Float64Array {
  const step = 1e-6;
  const at = (i: number, delta: number) => {
    const moved = operands[name]!.slice();
    moved[i]! += delta;
    return reference({ ...operands, [name]: moved }, channels).y.reduce((sum, v, j) => sum + v * dy[j]!, 0);
  };
  return operands[name]!.map((_, i) => (at(i, step) - at(i, -step)) / (2 * step));
}

function run(operands: Operands, dy: Float64Array, shape: number[]) {
  return tf.tidy(() => {
    const vector = (values: Float64Array) => tf.tensor1d(Float32Array.from(values));
    const x = tf.tensor(Float32Array.from(operands.x), shape);
    const scale = vector(operands.scale);
    const offset = vector(operands.offset);
    const slope = operands.slope ? { slope: vector(operands.slope) } : {};
    const forward = { x, scale, offset, ...slope };
    const [y, mean, variance] = tf
      .engine()
      .runKernel('BatchNormTraining', forward, { epsilon }) as unknown as tf.Tensor[];
    const backward = {
      dy: tf.tensor(Float32Array.from(dy), shape),
      ...forward,
      mean: mean!,
      variance: variance!,
    };
    const gradients = tf
      .engine()
      .runKernel('BatchNormTrainingGrad', backward, { epsilon }) as unknown as tf.Tensor[];
    return [y!, mean!, variance!, ...gradients].map((tensor) => ({
      shape: tensor.shape,
      values: Array.from(tensor.dataSync()),
    }));
  });
}

function expectClose(
  actual: readonly number[],
  expected: Float64Array,
  tolerance: number,
  what: string,
): void {
  const worst = Math.max(
    ...actual.map((value, i) => Math.abs(value - expected[i]!) / (1 + Math.abs(expected[i]!))),
  );
  expect(worst, what).toBeLessThan(tolerance);
}

beforeAll(async () => {
  await tf.setBackend('onnxruntime');
  configure({ threads: 1 });
});
afterAll(() => configure(defaultOptions()));

const shapes = [
  [3, 4, 4, 16],
  [3, 4, 5, 3],
  [7, 16],
  [6, 5],
];

describe.each(['blocked', 'nchw'] as const)('layout %s', (layout) => {
  beforeAll(() => configure({ layout }));
  describe.each(shapes.map((shape) => ({ shape })))('$shape', ({ shape }) => {
    const channels = shape.at(-1)!;
    const size = shape.reduce((a, b) => a * b, 1);
    const make = (slope: Float64Array | null): Operands => ({
      x: numbers(size, 3, 2),
      scale: numbers(channels, 5, 1.5),
      offset: numbers(channels, 9),
      slope,
    });
    // Negative, zero, usual, one and above one.
    const slopes = Float64Array.from({ length: channels }, (_, c) => [-0.75, 0, 0.25, 1, 1.75][c % 5]!);
    it.each([
      ['no slope', null],
      ['slopes up to 1', slopes.map((slope) => Math.min(slope, 1))],
      ['every kind of slope', slopes],
    ] as const)('%s', (_, slope) => {
      const operands = make(slope && Float64Array.from(slope));
      const dy = numbers(size, 17);
      const results = run(operands, dy, shape);
      const { y, mean, variance } = reference(operands, channels);
      expect(results.map((result) => result.shape)).toEqual([
        shape,
        [channels],
        [channels],
        shape,
        ...new Array(slope ? 3 : 2).fill([channels]),
      ]);
      expectClose(results[0]!.values, y, 1e-5, 'y');
      expectClose(results[1]!.values, mean, 1e-6, 'mean');
      expectClose(results[2]!.values, variance, 1e-5, 'variance');
      const names = slope
        ? (['x', 'scale', 'offset', 'slope'] as const)
        : (['x', 'scale', 'offset'] as const);
      for (const [i, name] of names.entries()) {
        expectClose(results[3 + i]!.values, differences(operands, dy, channels, name), 1e-4, `d${name}`);
      }
    });
  });

  it.each([3, 30, 3000])('keeps the variance of activations around %f', (centre) => {
    const shape = [4, 8, 8, 16];
    const size = 4 * 8 * 8 * 16;
    const x = numbers(size, 3).map((value) => Math.fround(value + centre));
    const operands = { x, scale: new Float64Array(16).fill(1), offset: new Float64Array(16), slope: null };
    const { variance, y } = reference(operands, 16);
    const results = run(operands, numbers(size, 4), shape);
    expectClose(results[2]!.values, variance, 1e-3, 'variance');
    expectClose(results[0]!.values, y, 5e-3, 'y');
  });

  it('has no variance where a channel is constant, and stays finite', () => {
    const x = new Float64Array(2 * 4 * 4 * 16).fill(1e4);
    const operands = {
      x,
      scale: new Float64Array(16).fill(1),
      offset: new Float64Array(16).fill(0.5),
      slope: null,
    };
    const results = run(operands, numbers(x.length, 4), [2, 4, 4, 16]);
    expect(results[2]!.values.every((value) => value >= 0 && value < 1e-4)).toBe(true);
    expect(results.every(({ values }) => values.every(Number.isFinite))).toBe(true);
  });

  it.each(shapes.map((shape) => ({ shape })))('normalises by given statistics, $shape', ({ shape }) => {
    const channels = shape.at(-1)!;
    const size = shape.reduce((a, b) => a * b, 1);
    const [x, mean, offset, scale] = [3, 5, 7, 9].map((seed, i) => numbers(i === 0 ? size : channels, seed));
    const variance = numbers(channels, 11).map((value) => Math.abs(value) + 0.1);
    const vector = (values: Float64Array) => tf.tensor1d(Float32Array.from(values));
    const y = tf.tidy(() =>
      tf.batchNorm(
        tf.tensor(Float32Array.from(x!), shape) as tf.Tensor as tf.Tensor4D,
        vector(mean!),
        vector(variance),
        vector(offset!),
        vector(scale!),
        epsilon,
      ),
    );
    const expected = x!.map((value, i) => {
      const c = i % channels;
      return ((value - mean![c]!) / Math.sqrt(variance[c]! + epsilon)) * scale![c]! + offset![c]!;
    });
    expectClose(Array.from(y.dataSync()), expected, 1e-5, 'y');
    y.dispose();
  });

  it('takes slopes that pass 1 from one call to the next', () => {
    const operands = (slope: number): Operands => ({
      x: numbers(3 * 4 * 4 * 16, 3, 2),
      scale: numbers(16, 5, 1.5),
      offset: numbers(16, 9),
      slope: new Float64Array(16).fill(slope),
    });
    for (const slope of [0.9, 1.1, 1]) {
      const [y] = run(operands(slope), numbers(3 * 4 * 4 * 16, 17), [3, 4, 4, 16]);
      expectClose(y!.values, reference(operands(slope), 16).y, 1e-5, `y with slope ${slope}`);
    }
  });

  // The same operators on the same numbers in the same order: not a bit differs, whichever convolution follows.
  it.each([
    ['a convolution', [3, 3, 16, 16], 1, true],
    ['a pointwise convolution', [1, 1, 16, 16], 1, false],
    ['a depthwise convolution', [3, 3, 16, 1], 2, true],
  ] as const)('computes its result again for the gradient of %s', (_, filterShape, stride, withSlope) => {
    const steps = [Number.POSITIVE_INFINITY, 0].map((heldBytes) => {
      configure({ heldBytes });
      const tensors = tf.tidy(() => gradientsBehind([...filterShape], stride, withSlope));
      const size = backend().pendingModel()!.byteLength;
      const values = tensors.map((tensor) => Array.from(tensor.dataSync()));
      tf.dispose(tensors);
      return { size, values };
    });
    configure({ heldBytes: defaultOptions().heldBytes });
    expect(steps[1]!.size).toBeGreaterThan(steps[0]!.size);
    expect(steps[1]!.values).toEqual(steps[0]!.values);
  });
});

/** What a batch normalisation followed by a convolution has for gradients, of x and of the filter. */
function gradientsBehind(filterShape: number[], stride: number, withSlope: boolean): tf.Tensor[] {
  const vector = (seed: number) => tf.tensor1d(Float32Array.from(numbers(16, seed)));
  const given = { scale: vector(3), offset: vector(4), ...(withSlope && { slope: vector(5) }) };
  const images = tf.tensor4d(Float32Array.from(numbers(2 * 6 * 6 * 16, 7)), [2, 6, 6, 16]);
  const size = filterShape.reduce((a, b) => a * b, 1);
  const weights = tf.tensor4d(
    Float32Array.from(numbers(size, 8)),
    filterShape as [number, number, number, number],
  );
  const normalise = tf.customGrad((x, save) => {
    const forward = { x: x as tf.Tensor, ...given };
    const run = (name: string, inputs: tf.NamedTensorMap) =>
      tf.engine().runKernel(name, inputs, { epsilon }) as unknown as tf.Tensor[];
    const [y, mean, variance] = run('BatchNormTraining', forward);
    (save as tf.GradSaveFunc)([mean!, variance!]);
    return {
      value: y!,
      gradFunc: (dy: tf.Tensor, [savedMean, savedVariance]: tf.Tensor[]) =>
        run('BatchNormTrainingGrad', { dy, ...forward, mean: savedMean!, variance: savedVariance! })[0]!,
    };
  });
  const gradients = tf.grads((x, filter) => {
    const y = normalise(x) as tf.Tensor4D;
    const apply = filterShape[3] === 1 ? tf.depthwiseConv2d : tf.conv2d;
    return tf.sum(tf.square(apply(y, filter as tf.Tensor4D, stride, 'same')));
  });
  return gradients([images, weights]);
}
