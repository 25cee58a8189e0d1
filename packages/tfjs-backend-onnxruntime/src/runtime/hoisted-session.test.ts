// Work on parameters alone is moved out of an inference once it keeps running with the same ones; nobody can tell by the numbers.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { configure, statistics } from '../index.ts';
import { defaultOptions } from '../options.ts';

beforeEach(async () => {
  await tf.setBackend('onnxruntime');
  configure({ ...defaultOptions(), threads: 1 });
});

const number = (i: number): number => Math.sin(i * 12.9898) * 2;
const filled = (shape: number[], seed: number): tf.Tensor =>
  tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => number(i + seed)),
    shape,
  );

/** A network with what inferences have: wide and narrow filters, a depthwise one, a normalisation, a PReLU, a matrix. */
function network() {
  const variables = (
    [[3, 3, 3, 16], [3, 3, 16, 1], [1, 1, 16, 32], [32], [32], [32], [32], [512, 8]] as const
  ).map((shape, seed) => tf.tidy(() => tf.variable(filled([...shape], 100 * seed))));
  const [wide, depthwise, pointwise, mean, gain, shift, slope, dense] = variables as [
    tf.Variable<tf.Rank.R4>,
    tf.Variable<tf.Rank.R4>,
    tf.Variable<tf.Rank.R4>,
    ...tf.Variable<tf.Rank.R1>[],
  ];
  const embed = (images: tf.Tensor4D): tf.Tensor2D => {
    const first = tf.depthwiseConv2d(tf.relu(tf.conv2d(images, wide, 2, 1)), depthwise, 1, 1);
    const second = tf.conv2d(first as tf.Tensor4D, pointwise, 1, 'valid');
    const normal = tf.batchNorm(second, mean!, tf.square(gain!) as tf.Tensor1D, shift, gain, 1e-3);
    return tf.matMul(tf.reshape(tf.prelu(normal, slope!), [-1, 512]), dense as unknown as tf.Tensor2D);
  };
  return {
    variables,
    embed: (images: tf.Tensor4D) => tf.tidy(() => embed(images)),
    dispose: () => tf.dispose(variables),
  };
}

/** What `runs` batches give, each other images, and how many graphs were hoisted meanwhile. */
function infer(model: ReturnType<typeof network>, runs: number): { values: number[][]; hoisted: number } {
  const before = statistics().hoisted;
  const values = Array.from({ length: runs }, (_, run) =>
    tf.tidy(() => Array.from(model.embed(filled([2, 8, 8, 3], run) as tf.Tensor4D).dataSync())),
  );
  return { values, hoisted: statistics().hoisted - before };
}

describe.each(['blocked', 'nchw'] as const)('an inference in the %s layout', (layout) => {
  beforeEach(() => configure({ layout }));

  it('gives the same bits with hoisting as without, before and after its parameters change', () => {
    const model = network();
    const runs = (hoisting: boolean) => {
      configure({ hoisting });
      model.variables.forEach((variable, seed) => {
        tf.tidy(() => variable.assign(filled(variable.shape, 100 * seed)));
      });
      const first = infer(model, 10);
      // One parameter of many changes.
      tf.tidy(() => model.variables[1]!.assign(tf.mul(model.variables[1]!, 2)));
      const second = infer(model, 2);
      return { values: [...first.values, ...second.values], hoisted: [first.hoisted, second.hoisted] };
    };
    const plain = runs(false);
    const hoisted = runs(true);
    expect(plain.hoisted).toEqual([0, 0]);
    expect(hoisted.hoisted).toEqual([1, 0]);
    expect(hoisted.values).toEqual(plain.values);
    expect(hoisted.values[10]).not.toEqual(hoisted.values[0]);
    model.dispose();
  });
});

describe('not hoisted is', () => {
  const hoistedBy = (step: (run: number) => void): number => {
    const before = statistics().hoisted;
    for (let run = 0; run < 12; run++) tf.tidy(() => step(run));
    return statistics().hoisted - before;
  };
  const filter = () => tf.tidy(() => tf.variable(filled([3, 3, 16, 16], 1)) as tf.Variable<tf.Rank.R4>);
  const images = (run: number) => filled([1, 4, 4, 16], run) as tf.Tensor4D;

  it('an inference whose parameters are others every time', () => {
    const weights = filter();
    const count = hoistedBy((run) => {
      weights.assign(filled(weights.shape, run) as tf.Tensor4D);
      tf.conv2d(images(run), weights, 1, 'same').dataSync();
    });
    expect(count).toBe(0);
    weights.dispose();
  });

  it('a gradient', () => {
    const weights = filter();
    const count = hoistedBy((run) => {
      const x = images(run);
      tf.grad((w) => tf.conv2d(x, w as tf.Tensor4D, 1, 'same'))(weights).dataSync();
    });
    expect(count).toBe(0);
    weights.dispose();
  });

  it('what the program holds as tensors', () => {
    const weights = tf.keep(filled([3, 3, 16, 16], 1)) as tf.Tensor4D;
    expect(hoistedBy((run) => tf.conv2d(images(run), weights, 1, 'same').dataSync())).toBe(0);
    weights.dispose();
  });

  it('a result that follows from parameters alone', () => {
    const weights = filter();
    expect(hoistedBy(() => tf.square(weights).dataSync())).toBe(0);
    weights.dispose();
  });

  it('what would take much more memory than the parameters', () => {
    const weights = tf.tidy(() => tf.variable(filled([1, 16], 1)));
    const repeated = (times: number) =>
      hoistedBy((run) => {
        const rows = filled([times, 16], run);
        tf.tidy(() => tf.mul(rows, tf.neg(tf.tile(weights, [times, 1])))).dataSync();
      });
    expect([repeated(1), repeated(64)]).toEqual([1, 0]);
    weights.dispose();
  });
});

it('becomes one graph again where its parameters are others in every run, and is hoisted again when they stay', () => {
  const weights = tf.tidy(() => tf.variable(filled([3, 3, 16, 16], 1)) as tf.Variable<tf.Rank.R4>);
  const step = (run: number, isChanged: boolean) =>
    tf.tidy(() => {
      if (isChanged) weights.assign(filled(weights.shape, run) as tf.Tensor4D);
      return [...tf.conv2d(filled([1, 5, 5, 16], run) as tf.Tensor4D, weights, 1, 'same').dataSync()];
    });
  const runs = (isChanged: boolean) => {
    const before = statistics();
    const values = Array.from({ length: 12 }, (_, run) => step(run, isChanged));
    const { hoisted, compilations } = statistics();
    return { values, hoisted: hoisted - before.hoisted, compiled: compilations - before.compilations };
  };
  expect(runs(false)).toMatchObject({ hoisted: 1, compiled: 1 });
  const changed = runs(true);
  expect(changed).toMatchObject({ hoisted: 0, compiled: 1 });
  expect(runs(true)).toEqual({ values: changed.values, hoisted: 0, compiled: 0 });
  expect(runs(false)).toMatchObject({ hoisted: 1, compiled: 0 });
  weights.dispose();
});

it('keeps no parameters alive that the program has disposed of', async () => {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  const model = network();
  expect(infer(model, 9).hoisted).toBe(1);
  const numbers = new WeakRef(model.variables[0]!.dataSync());
  model.dispose();
  for (let turn = 0; turn < 50 && numbers.deref() !== undefined; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  expect(numbers.deref()).toBeUndefined();
});
