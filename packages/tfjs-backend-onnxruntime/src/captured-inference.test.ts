// A captured inference beside the same function called again and again.

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, expect, it } from 'vitest';
import { capture, configure, OnnxRuntimeBackendError, statistics } from './index.ts';

beforeEach(async () => {
  await tf.setBackend('onnxruntime');
  // What changes drops the graphs of the test before.
  configure({ cacheEntries: 1 });
  configure({ cacheEntries: 32, threads: 1, pendingNodes: 20_000 });
});

function network() {
  const filter = tf.variable(tf.randomNormal([3, 3, 3, 16], 0, 0.3, 'float32', 1));
  const slope = tf.variable(tf.randomUniform([16], 0.1, 1.3, 'float32', 2));
  const apply = (images: tf.Tensor) =>
    tf.mean(
      tf.prelu(
        tf.conv2d(images as tf.Tensor4D, filter as unknown as tf.Tensor4D, 2, 'same'),
        slope as tf.Tensor,
      ),
      [1, 2],
    );
  return { filter, slope, apply, dispose: () => tf.dispose([filter, slope]) };
}

const SHAPE = [2, 8, 8, 3];
/** tfjs takes seed 0 for none. */
const images = (seed: number) => {
  const tensor = tf.randomNormal(SHAPE, 0, 1, 'float32', seed);
  const values = tensor.dataSync<'float32'>();
  tensor.dispose();
  return values;
};
const called = (apply: (input: tf.Tensor) => tf.Tensor, values: Float32Array) =>
  tf.tidy(() => apply(tf.tensor(values, SHAPE)).dataSync());
/** The error's code that `f` throws. */
function refused(f: () => unknown): string | undefined {
  try {
    f();
  } catch (error) {
    if (error instanceof OnnxRuntimeBackendError) return error.code;
    throw error;
  }
  return undefined;
}

it('gives, run after run, what the function gives', () => {
  const { apply, dispose } = network();
  const captured = capture(SHAPE, apply);
  expect(captured.shape).toEqual([2, 16]);
  const results = Array.from({ length: 12 }, (_, i) => captured.run(images(i + 1)));
  results.forEach((result, i) => {
    expect(result).toEqual(called(apply, images(i + 1)));
  });
  dispose();
});

it('calls the function once, compiles once, and leaves no tensor behind', () => {
  const { apply, dispose } = network();
  const before = tf.memory().numTensors;
  const { compilations, pendingTensors } = statistics();
  let calls = 0;
  const captured = capture(SHAPE, (input) => {
    calls++;
    return apply(input);
  });
  for (const seed of [1, 2, 3]) captured.run(images(seed));
  expect(calls).toBe(1);
  expect(statistics().compilations - compilations).toBe(1);
  expect(statistics().pendingTensors).toBe(pendingTensors);
  expect(tf.memory().numTensors).toBe(before);
  dispose();
});

it('keeps the values that variables had, also when they are assigned or disposed of', () => {
  const { filter, apply, dispose } = network();
  const captured = capture(SHAPE, apply);
  const expected = called(apply, images(1));
  tf.tidy(() => filter.assign(tf.zerosLike(filter)));
  expect(captured.run(images(1))).toEqual(expected);
  dispose();
  expect(captured.run(images(1))).toEqual(expected);
});

it('goes on under other options, and beside other work', () => {
  const { apply, dispose } = network();
  const captured = capture(SHAPE, apply);
  const expected = called(apply, images(1));
  configure({ threads: 2 });
  const beside = tf.square(tf.tensor1d([1, 2, 3]));
  expect(captured.run(images(1))).toEqual(expected);
  expect(Array.from(beside.dataSync())).toEqual([1, 4, 9]);
  beside.dispose();
  dispose();
});

it('may give what was pending before, and takes it as it is then', () => {
  const offset = tf.neg(tf.tensor1d([1, 2]));
  const captured = capture([2], (input) => tf.add(input, offset));
  offset.dispose();
  expect(Array.from(captured.run([10, 10]))).toEqual([9, 8]);
});

it('is not interrupted where unread work is due', () => {
  configure({ pendingNodes: 5 });
  const captured = capture([2], (input) => {
    let end = input;
    for (let i = 0; i < 40; i++) end = tf.neg(end);
    return end;
  });
  expect(Array.from(captured.run([1, 2]))).toEqual([1, 2]);
});

it('is refused where numbers are read, and the backend works on', () => {
  const of = (f: (input: tf.Tensor) => tf.Tensor) => refused(() => capture([2], f));
  expect(of((input) => tf.mul(input, input.dataSync()[0]!))).toBe('not-capturable');
  expect(of((input) => tf.mul(input, tf.neg(input).dataSync()[0]!))).toBe('not-capturable');
  expect(of((input) => input)).toBe('not-capturable');
  expect(of(() => tf.tensor1d([1, 2]))).toBe('not-capturable');
  expect(of(() => tf.neg(tf.tensor1d([1, 2])))).toBe('not-capturable');
  expect(of(() => undefined as unknown as tf.Tensor)).toBe('not-capturable');
  expect(Array.from(tf.tidy(() => tf.neg(tf.tensor1d([1, 2])).dataSync()))).toEqual([-1, -2]);
});

it('may read what does not depend on its input', () => {
  const factor = tf.tensor1d([3]);
  const captured = capture([2], (input) => tf.mul(input, factor.dataSync()[0]!));
  expect(Array.from(captured.run([1, 2]))).toEqual([3, 6]);
  factor.dispose();
});

it('refuses other sizes, and to run when it was disposed of', () => {
  const captured = capture([2], (input) => tf.neg(input));
  expect(refused(() => captured.run([1, 2, 3]))).toBe('invalid-option');
  captured.dispose();
  expect(refused(() => captured.run([1, 2]))).toBe('unknown-tensor');
});

it('passes on what the function throws, and can be tried again', () => {
  expect(() =>
    capture([2], () => {
      throw new RangeError('no');
    }),
  ).toThrow(RangeError);
  expect(Array.from(capture([2], (input) => tf.neg(input)).run([1, 2]))).toEqual([-1, -2]);
});

it('gives numbers of its own, which the next run does not change', () => {
  const captured = capture([2, 3], (input) => tf.reshape(tf.transpose(input), [6]));
  const same = capture([2, 3], (input) => tf.reshape(tf.relu(input), [6]));
  const results = [1, 2].map((factor) =>
    [captured, same].map((each) => each.run([1, 2, 3, 4, 5, 6].map((x) => factor * x))),
  );
  expect(results.map((pair) => pair.map((row) => Array.from(row)))).toEqual([
    [
      [1, 4, 2, 5, 3, 6],
      [1, 2, 3, 4, 5, 6],
    ],
    [
      [2, 8, 4, 10, 6, 12],
      [2, 4, 6, 8, 10, 12],
    ],
  ]);
});
