/** Gradients of an operation held to central differences of its definition in float64, on every backend that is at hand. */
import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { configure } from 'tfjs-backend-onnxruntime';
import { afterAll, beforeAll, describe, expect } from 'vitest';

/** On a backend without the kernels, and in both memory layouts of one that has them. */
export function onEachBackend(tests: () => void): void {
  for (const backend of testBackends('cpu', 'onnxruntime')) {
    const layouts = backend === 'onnxruntime' ? (['blocked', 'nchw'] as const) : [undefined];
    describe.each(layouts)(`on ${backend} (%s)`, (layout) => {
      beforeAll(async () => {
        await tf.setBackend(backend);
        if (layout) configure({ layout, threads: 1 });
      });
      afterAll(() => {
        if (layout) configure({ layout: 'blocked' });
      });
      tests();
    });
  }
}

/** Numbers in (-scale, scale), the same in every run and the same in float32. */
export function numbers(size: number, seed: number, scale = 1): number[] {
  let state = seed * 7919 + 17;
  return Array.from({ length: size }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.fround(2 * scale * (state / 0x7fffffff - 0.5));
  });
}

/** The gradient of f by central differences. */
export function differences(f: (x: readonly number[]) => number, x: readonly number[], step = 1e-5) {
  return x.map((value, i) => (f(x.with(i, value + step)) - f(x.with(i, value - step))) / (2 * step));
}

export function expectClose(
  actual: ArrayLike<number>,
  expected: readonly number[],
  tolerance: number,
  what: string,
): void {
  const scale = Math.max(1, ...expected.map(Math.abs));
  expect(actual.length, what).toBe(expected.length);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(actual[i]! - value) / scale), 0);
  expect(worst, what).toBeLessThan(tolerance);
}
