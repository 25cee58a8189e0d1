import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { differences, expectClose, numbers, onEachBackend } from '../testing/gradient-check.ts';
import { type GroupedConvolutionOptions, groupedConv2d } from './grouped-convolution.ts';

/* Values from the definition in float64, gradients from central differences of it. */

interface Problem {
  readonly x: [number, number, number, number];
  readonly groups: number;
  readonly filters: number;
  readonly kernel: [number, number];
  readonly strides: [number, number];
  readonly pad: number;
  readonly dilations: [number, number];
}

const plain = { kernel: [3, 3], strides: [1, 1], pad: 1, dilations: [1, 1] } as const;
const problem = (x: Problem['x'], groups: number, filters: number, more: Partial<Problem> = {}): Problem => ({
  ...{ kernel: [...plain.kernel], strides: [...plain.strides], pad: 1, dilations: [...plain.dilations] },
  ...{ x, groups, filters },
  ...more,
});

const problems: readonly [string, Problem][] = [
  ['groups of whole blocks', problem([1, 3, 3, 32], 2, 32)],
  ['two groups to a block', problem([1, 3, 4, 32], 4, 32)],
  ['four groups to a block', problem([2, 3, 3, 16], 4, 16)],
  ['groups that do not fill blocks', problem([2, 3, 3, 6], 3, 9)],
  ['more outputs than inputs', problem([1, 3, 3, 16], 2, 32)],
  ['a batch of a whole block', problem([16, 2, 2, 16], 2, 16)],
  ['stride 2', problem([1, 4, 4, 32], 4, 32, { strides: [2, 2] })],
  ['stride 2 with rows that nothing sees', problem([1, 4, 6, 16], 2, 16, { strides: [2, 2], pad: 0 })],
  ['dilation', problem([1, 5, 5, 16], 2, 16, { dilations: [2, 2], pad: 2 })],
  ['a window as large as the image', problem([2, 3, 2, 16], 2, 16, { kernel: [3, 2], pad: 0 })],
  ['one output a group', problem([1, 3, 3, 8], 4, 4)],
  ['a group a channel', problem([1, 3, 3, 4], 4, 8)],
  ['one group', problem([1, 3, 3, 4], 1, 3)],
];

const product = (shape: readonly number[]) => shape.reduce((size, side) => size * side, 1);
const filterShape = ({ kernel, x, groups, filters }: Problem): [number, number, number, number] => [
  ...kernel,
  x[3] / groups,
  filters,
];

function outputShape({ x, kernel, strides, pad, dilations, filters }: Problem): Problem['x'] {
  const side = (axis: 0 | 1) =>
    Math.floor((x[axis + 1]! + 2 * pad - (kernel[axis] - 1) * dilations[axis] - 1) / strides[axis]) + 1;
  return [x[0], side(0), side(1), filters];
}

/** The definition, in float64. */
function reference(given: Problem, x: readonly number[], filter: readonly number[]): number[] {
  const { kernel, strides, pad, dilations, groups, filters } = given;
  const [n, height, width, channels] = given.x;
  const [, rows, columns] = outputShape(given);
  const [inputs, outputs] = [channels / groups, filters / groups];
  const y: number[] = [];
  for (let image = 0; image < n; image++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let f = 0; f < filters; f++) {
          let sum = 0;
          for (let a = 0; a < kernel[0]; a++) {
            const h = row * strides[0] + a * dilations[0] - pad;
            for (let b = 0; b < kernel[1] && h >= 0 && h < height; b++) {
              const w = column * strides[1] + b * dilations[1] - pad;
              if (w < 0 || w >= width) continue;
              for (let i = 0; i < inputs; i++) {
                const c = Math.floor(f / outputs) * inputs + i;
                const weight = filter[((a * kernel[1] + b) * inputs + i) * filters + f]!;
                sum += x[((image * height + h) * width + w) * channels + c]! * weight;
              }
            }
          }
          y.push(sum);
        }
      }
    }
  }
  return y;
}

const optionsOf = ({ groups, strides, pad, dilations }: Problem): GroupedConvolutionOptions => ({
  ...{ groups, strides, dilations },
  pad: pad === 0 ? 'valid' : pad,
});

onEachBackend(() => {
  it.each(problems)('%s', (_, given) => {
    const before = tf.memory().numTensors;
    const x = numbers(product(given.x), 1);
    const filter = numbers(product(filterShape(given)), 2);
    const y = reference(given, x, filter);
    const dy = numbers(y.length, 3);
    // tfjs-core has no gradient of a dilated convolution, so its composition has none.
    const isDifferentiable = given.dilations[0] === 1 || tf.getKernel('GroupedConv2D', tf.getBackend());
    const found = tf.tidy(() => {
      const inputs = [tf.tensor(x, given.x), tf.tensor(filter, filterShape(given))];
      if (!isDifferentiable) {
        const value = groupedConv2d(inputs[0] as tf.Tensor4D, inputs[1] as tf.Tensor4D, optionsOf(given));
        return [{ shape: value.shape, values: value.dataSync() }];
      }
      const { value, grads } = tf.valueAndGrads((a, b) =>
        groupedConv2d(a as tf.Tensor4D, b as tf.Tensor4D, optionsOf(given)),
      )(inputs, tf.tensor(dy, outputShape(given)));
      return [value, ...grads].map((tensor) => ({ shape: tensor.shape, values: tensor.dataSync() }));
    });
    expectClose(found[0]!.values, y, 1e-5, 'value');
    expect(tf.memory().numTensors).toBe(before);
    if (!isDifferentiable) return;
    expect(found.map(({ shape }) => shape)).toEqual([outputShape(given), given.x, filterShape(given)]);
    // Linear in each: a large step is exact, and one element in several is enough of them.
    const some = (size: number) => Array.from({ length: 24 }, (_, i) => (i * 37) % size);
    const dot = (values: readonly number[]) => values.reduce((sum, value, i) => sum + value * dy[i]!, 0);
    for (const [index, at, of] of [
      [1, x, (moved: readonly number[]) => reference(given, moved, filter)],
      [2, filter, (moved: readonly number[]) => reference(given, x, moved)],
    ] as const) {
      const picked = some(at.length);
      const expected = picked.map((i) => {
        const [moved] = differences((v) => dot(of(at.with(i, v[0]!))), [at[i]!], 0.5);
        return moved!;
      });
      const actual = picked.map((i) => found[index]!.values[i]!);
      expectClose(actual, expected, 1e-5, `gradient ${index}`);
    }
  });

  it('refuses groups that do not divide the channels', () => {
    const x = tf.zeros<tf.Rank.R4>([1, 3, 3, 6]);
    const filter = tf.zeros<tf.Rank.R4>([3, 3, 2, 6]);
    for (const groups of [0, 2, 4, 1.5]) {
      expect(() => groupedConv2d(x, filter, { groups })).toThrowError(
        expect.objectContaining({ code: 'shape-mismatch' }),
      );
    }
    tf.dispose([x, filter]);
  });
});
