/**
 * Kernels for TensorFlow held to tfjs's plain backend. They run where TensorFlow is bound: ARCFACE_TEST_BACKEND=node (see
 * tooling/tfjs-node).
 */
import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';

const [backend] = testBackends('cpu');

/** Tests that run on TensorFlow, and leave no tensor behind. */
export function onTensorFlow(tests: () => void): void {
  describe.skipIf(backend !== 'tensorflow')('on TensorFlow (needs ARCFACE_TEST_BACKEND=node)', () => {
    let before = 0;
    beforeAll(() => {
      before = tf.memory().numTensors;
    });
    afterAll(() => {
      expect(tf.memory().numTensors).toBe(before);
    });
    tests();
  });
}

/** What is computed on TensorFlow, and on tfjs's plain backend. */
export async function onBoth<T>(compute: () => T): Promise<{ found: T; expected: T }> {
  await tf.setBackend('cpu');
  const expected = compute();
  await tf.setBackend('tensorflow');
  return { found: compute(), expected };
}

export function numbers(tensors: readonly tf.Tensor[]): number[][] {
  return tensors.map((tensor) => [...tensor.dataSync()]);
}

/** The value and all gradients of the sum of its squares. */
export function valueAndGradients(
  f: (...inputs: tf.Tensor4D[]) => tf.Tensor,
  inputs: () => tf.Tensor4D[],
): number[][] {
  return tf.tidy(() => {
    const given = inputs();
    const gradients = tf.grads((...tensors) => tf.sum(tf.square(f(...(tensors as tf.Tensor4D[])))))(given);
    return numbers([f(...given), ...gradients]);
  });
}

export function ramp(shape: [number, number, number, number], step: number): tf.Tensor4D {
  const size = shape.reduce((product, side) => product * side, 1);
  return tf.tensor4d(
    Float32Array.from({ length: size }, (_, i) => ((i * step) % 17) / 8 - 1),
    shape,
  );
}

/** To 1e-5 of the largest, and the same numbers where they are not finite. */
export function expectClose({ found, expected }: { found: number[][]; expected: number[][] }): void {
  expect(found.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  for (const [part, values] of expected.entries()) {
    const scale = Math.max(1, ...values.filter(Number.isFinite).map(Math.abs));
    for (const [i, value] of values.entries()) {
      const other = found[part]![i]!;
      if (Number.isFinite(value)) expect(Math.abs(other - value) / scale).toBeLessThan(1e-5);
      else expect(other).toBe(value);
    }
  }
}
