import { registerGradients } from '@arcface-tooling/test-backends/gradients';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { batchNormTraining } from '../operations/batch-norm-training.ts';
import { holdGradient, releaseGradientsEarly } from './release-early.ts';

/* What is computed stays the same to the bit; what is held at a time does not grow with the depth. */

beforeAll(() => {
  registerGradients();
  return tf.setBackend('cpu');
});

const SIZE = 1000;
const input = () => tf.tensor1d(Float32Array.from({ length: SIZE }, (_, i) => Math.sin(i)));

/** The most activations' worth of bytes that there were when any of the rules of a chain was called. */
function peak(depth: number): number {
  let most = 0;
  const watched = tf.customGrad((x, save) => {
    (save as unknown as tf.GradSaveFunc)([x as tf.Tensor]);
    return {
      value: tf.mul(x as tf.Tensor, 1.01),
      gradFunc: (dy: tf.Tensor) => {
        most = Math.max(most, tf.memory().numBytes);
        return tf.mul(dy, 1.01);
      },
    };
  });
  const x = input();
  const before = tf.memory().numBytes;
  const gradient = tf.grad((value) => {
    let y: tf.Tensor = value;
    for (let i = 0; i < depth; i++) y = watched(y);
    return tf.sum(y);
  })(x);
  tf.dispose([x, gradient]);
  return Math.round((most - before) / (4 * SIZE));
}

/** Rules that hand on a tensor as they got it, or one for two, in a network of values with several consumers. */
const handingOn = {
  pass: tf.customGrad((x) => ({ value: tf.clone(x as tf.Tensor), gradFunc: (dy: tf.Tensor) => dy })),
  sum: tf.customGrad((a, b) => ({
    value: tf.add(a as tf.Tensor, b as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => [dy, dy],
  })),
  scaledSum: tf.customGrad((a, b) => ({
    value: tf.mul(tf.add(a as tf.Tensor, b as tf.Tensor), 1.5),
    gradFunc: (dy: tf.Tensor) => {
      const shared = tf.mul(dy, 1.5);
      return [shared, shared];
    },
  })),
  scaled: tf.customGrad((x) => ({
    value: tf.mul(x as tf.Tensor, 3),
    gradFunc: (dy: tf.Tensor) => {
      kept = tf.keep(tf.mul(dy, 3));
      return kept;
    },
  })),
};
let kept: tf.Tensor | undefined;

/** The same by rules of tfjs-core, which make a tensor of their own each time. */
const plain = {
  pass: (x: tf.Tensor) => tf.mul(x, 1),
  sum: (a: tf.Tensor, b: tf.Tensor) => tf.add(a, b),
  scaledSum: (a: tf.Tensor, b: tf.Tensor) => tf.mul(tf.add(a, b), 1.5),
  scaled: (x: tf.Tensor) => tf.mul(x, 3),
};

function network({ pass, sum, scaledSum, scaled }: typeof plain): number[][] {
  const x = input();
  const scale = tf.scalar(0.9);
  const dy = tf.mul(input(), 0.1);
  const before = tf.memory().numTensors;
  const gradients = tf.grads((a, s) => {
    const first = pass(a!);
    const second = sum(first, tf.mul(first, s!));
    const third = scaledSum(second, pass(first));
    const fourth = scaled(tf.square(third));
    // Two consumers of one value, a reshape that shares numbers, and several results of one kernel.
    const [left, right] = tf.split(tf.reshape(fourth, [2, SIZE / 2]), 2);
    return tf.reshape(tf.concat([tf.add(left!, right!), tf.prelu(right!, tf.scalar(0.2))]), [SIZE]);
  })([x, scale], dy);
  const values = [...gradients, dy, x].map((tensor) => [...tensor.dataSync()]);
  tf.dispose(gradients);
  kept?.dispose();
  kept = undefined;
  expect(tf.memory().numTensors).toBe(before);
  tf.dispose([x, scale, dy]);
  return values;
}

/** A rule whose result is what it saved. */
function savedAsGradient(): number[] {
  const half = tf.customGrad((x, save) => {
    (save as unknown as tf.GradSaveFunc)([x as tf.Tensor]);
    return {
      value: tf.mul(0.5, tf.square(x as tf.Tensor)),
      gradFunc: (_: tf.Tensor, [saved]: tf.Tensor[]) => saved!,
    };
  });
  return tf.tidy(() => [
    ...tf
      .grad((x) => tf.sum(half(x)))(input())
      .dataSync(),
  ]);
}

function batchNorms(): number[][] {
  return tf.tidy(() => {
    const x = tf.reshape(input(), [250, 4]);
    const [scale, offset] = [tf.tensor1d([1, 2, 0.5, -1]), tf.tensor1d([0, 1, -1, 0])];
    const f = (...inputs: tf.Tensor[]) => {
      let y: tf.Tensor = inputs[0]!;
      for (let i = 0; i < 3; i++) {
        const [gamma, beta] = inputs.slice(1) as [tf.Tensor1D, tf.Tensor1D];
        const result = batchNormTraining({ x: y, scale: gamma, offset: beta }, { epsilon: 1e-3 });
        tf.dispose([result.mean, result.variance]);
        y = tf.add(result.y, y);
      }
      return tf.sum(tf.square(y));
    };
    return tf
      .grads(f)([x, scale, offset])
      .map((tensor) => [...tensor.dataSync()]);
  });
}

/** Gradients on their way, read when a rule before theirs runs; then whether they are gone with the backward pass. */
function seenLater(): [number[], boolean[]] {
  const seen: tf.Tensor[] = [];
  const values: number[] = [];
  const watched = tf.customGrad((x) => ({
    value: tf.clone(x as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => {
      for (const earlier of seen) values.push(earlier.dataSync()[1]!);
      holdGradient(dy);
      seen.push(dy);
      return dy;
    },
  }));
  const x = input();
  const gradient = tf.grad((value) => tf.sum(tf.square(watched(tf.mul(watched(value), 2)))))(x);
  tf.dispose([x, gradient]);
  return [values, seen.map((tensor) => tensor.isDisposed)];
}

/** d2(x^3)/dx2: a gradient within another's forward function. */
function second(): number[] {
  return tf.tidy(() => [
    ...tf
      .grad((x) => tf.grad((y) => tf.mul(y, tf.square(y)))(x))(tf.tensor1d([1, 2]))
      .dataSync(),
  ]);
}

it('holds what one node needs, and changes no number', () => {
  const values = () => [...network(plain), ...batchNorms(), second()];
  const usual = { short: peak(4), long: peak(24), values: values() };
  expect(usual.long - usual.short).toBeGreaterThan(20);
  releaseGradientsEarly();
  releaseGradientsEarly();
  const found = { short: peak(4), long: peak(24), values: values() };
  expect(found.values).toEqual(usual.values);
  expect(usual.values.at(-1)).toEqual([6, 12]);
  // The saved activations of the nodes to come are still there, one each; their gradients are not.
  expect(found.long).toBeLessThan(usual.long - 20);
  expect(network(handingOn)).toEqual(network(plain));
  const [later, areGone] = seenLater();
  expect(later).toEqual([Math.fround(4 * Math.fround(Math.sin(1)))]);
  expect(areGone).toEqual([true, true]);
  expect(savedAsGradient()).toEqual(tf.tidy(() => [...input().dataSync()]));
});
