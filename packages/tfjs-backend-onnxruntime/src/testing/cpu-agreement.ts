// Compares this backend with tfjs's plain CPU backend: both get the same calls, on the same inputs. The CPU one computes
// in float64 between float32 tensors, so small differences are allowed.

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configure } from '../index.ts';
import type { KernelRow } from '../kernels/kernel-row.ts';

type Tensors = tf.Tensor | tf.Tensor[];

/** What it is called, the kernel it is there for, and the calls; perhaps how far results may differ. */
export type Case = readonly [name: string, kernel: string, run: () => Tensors, tolerance?: number];

/** Numbers in (-scale, scale), the same in every run. */
function numbers(size: number, scale = 2, seed = 1): Float32Array {
  let state = seed * 7919 + size;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.fround((state / 0x7fffffff - 0.5) * 2 * scale);
  });
}

export const sizeOf = (shape: number[]) => shape.reduce((product, size) => product * size, 1);
export const float = (shape: number[], scale = 2, seed = 1) =>
  tf.tensor(numbers(sizeOf(shape), scale, seed), shape);
export const positive = (shape: number[], seed = 1) => tf.add(tf.abs(float(shape, 3, seed)), 0.1);
export const int = (shape: number[], scale = 6, seed = 1) =>
  tf.tensor(Int32Array.from(numbers(sizeOf(shape), scale, seed), Math.round), shape, 'int32');
export const bool = (shape: number[], seed = 1) =>
  tf.tensor(
    Uint8Array.from(numbers(sizeOf(shape), 1, seed), (x) => (x > 0 ? 1 : 0)),
    shape,
    'bool',
  );
export const kernel = (name: string, inputs: Record<string, tf.Tensor>, attributes: object = {}) =>
  tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap) as Tensors;

interface Result {
  shape: number[];
  dtype: string;
  values: number[];
}

export function evaluate(run: () => Tensors): Result[] {
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
        (Number.isFinite(value) && Math.abs(value - other) <= tolerance * (1 + Math.abs(value)));
      if (!isClose) expect.fail(`result ${i}, element ${j}: ${other}, the CPU backend has ${value}`);
    }
  }
}

/** Runs the cases, and fails if a row of the table has none. */
export function agreesWithCpu(cases: readonly Case[], rows: readonly KernelRow[]): void {
  beforeAll(() => configure({ threads: 1, cacheEntries: 4 }));
  afterAll(() => tf.setBackend('cpu'));

  it.each(cases.map(([name, , run, tolerance]) => ({ name, run, tolerance: tolerance ?? 2e-5 })))(
    '$name',
    async ({ run, tolerance }) => {
      await tf.setBackend('cpu');
      const expected = evaluate(run);
      await tf.setBackend('onnxruntime');
      expectClose(evaluate(run), expected, tolerance);
    },
  );

  it('has a case for every row of the table', () => {
    const tested = new Set(cases.map(([, name]) => name));
    expect(rows.map((row) => row.kernel).filter((name) => !tested.has(name))).toEqual([]);
  });
}
