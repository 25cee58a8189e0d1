import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configure, statistics } from '../index.ts';
import { defaultOptions } from '../options.ts';

beforeAll(async () => {
  await tf.setBackend('onnxruntime');
  configure({ threads: 1, diskCache: null });
});
afterAll(() => configure(defaultOptions()));

const shapes = [[3, 3, 4, 16], [5, 7], [6], []];

function values(shape: readonly number[], seed: number): tf.Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(seed + 1.7 * i)),
    [...shape],
  );
}

function parameters() {
  return shapes.map((shape, i) => ({
    weight: values(shape, i),
    momentum: values(shape, 10 + i),
    gradient: values(shape, 20 + i),
  }));
}

function update(scalars: readonly number[], given: readonly tf.Tensor[], attributes: object): tf.Tensor[] {
  const inputs = [...scalars.map((x) => tf.scalar(x)), ...given];
  return tf
    .engine()
    .runKernel(
      'MomentumUpdate',
      inputs as unknown as tf.NamedTensorMap,
      attributes as tf.NamedAttrMap,
    ) as tf.Tensor[];
}

it.each([false, true])('is what small kernels compute, to the bit (Nesterov: %s)', (nesterov) => {
  const [rate, keep, shrink] = [0.1, 0.9, 5e-4];
  const decays = [1, 0, 1, 0];
  const given = parameters();
  const composed = given.flatMap(({ weight, momentum, gradient }, i) => {
    const decayed = decays[i] ? tf.add(gradient, tf.mul(weight, shrink)) : gradient;
    const move = tf.mul(rate, decayed);
    const next = tf.sub(tf.mul(momentum, keep), move);
    return [tf.add(weight, nesterov ? tf.sub(tf.mul(next, keep), move) : next), next];
  });
  const operands = given.flatMap(({ weight, momentum, gradient }) => [weight, momentum, gradient]);
  const updated = update([rate, keep, shrink], operands, { decays, nesterov });
  expect(updated.map(({ shape }) => shape)).toEqual(composed.map(({ shape }) => shape));
  for (const [i, tensor] of updated.entries()) expect(tensor.dataSync()).toEqual(composed[i]!.dataSync());
});

it('takes another rate without another compilation, another decay or rule with one', () => {
  const given = parameters().flatMap(({ weight, momentum, gradient }) => [weight, momentum, gradient]);
  const run = (rate: number, decays: number[], nesterov = false) => {
    const before = statistics().compilations;
    const results = update([rate, 0.9, 0.1], given, { decays, nesterov });
    const first = results[0]!.dataSync()[1]!;
    tf.dispose(results);
    return { first, compiled: statistics().compilations - before };
  };
  const once = run(0.1, [1, 1, 1, 1]);
  const faster = run(0.2, [1, 1, 1, 1]);
  expect(faster.compiled).toBe(0);
  expect(faster.first).not.toBe(once.first);
  expect(run(0.1, [0, 1, 1, 1])).toMatchObject({ compiled: 1, first: expect.not.closeTo(once.first, 6) });
  expect(run(0.1, [1, 1, 1, 1], true)).toMatchObject({
    compiled: 1,
    first: expect.not.closeTo(once.first, 6),
  });
});

it('refuses what does not belong together, with the shapes', () => {
  const [weight, other] = [values([2], 1), values([3], 1)];
  const attributes = { decays: [1], nesterov: false };
  expect(() => update([0.1, 0.9, 0], [weight, weight, other], attributes)).toThrow(
    /float32\[2\].*float32\[3\]/,
  );
  expect(() => update([0.1, 0.9, 0], [weight, weight], attributes)).toThrow(/three scalars/);
});
