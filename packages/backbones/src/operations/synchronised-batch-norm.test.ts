import { registerGradients } from '@arcface-tooling/test-backends/gradients';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { batchNorm } from './batch-norm.ts';
import type { Gather } from './synchronised-batch-norm.ts';

/* Two ranks in one process: each is run again and again with what the other has said so far, until nothing is missing. */

const CHANNELS = 3;
const values = (rows: number, seed: number) =>
  Float32Array.from({ length: rows * CHANNELS }, (_, i) => Math.sin(seed + i * 1.7) * 2 + (i % CHANNELS));

beforeAll(() => {
  registerGradients();
  return tf.setBackend('cpu');
});

/** The gradients of a loss over the rows of x, and the averages afterwards. */
function computed(x: Float32Array, dy: Float32Array, slope: boolean, gather?: Gather) {
  return tf.tidy(() => {
    const vector = (...numbers: number[]) => tf.variable(tf.tensor1d(numbers));
    const input = tf.variable(tf.tensor2d(x, [x.length / CHANNELS, CHANNELS]));
    const [gamma, beta, alpha] = [vector(1, 0.5, 2), vector(0.1, -0.2, 0.3), vector(0.25, 0.1, 0.5)];
    const averages = { mean: vector(0, 0, 0), variance: vector(1, 1, 1) };
    const trained = slope ? [input, gamma, beta, alpha] : [input, gamma, beta];
    const { value, grads } = tf.variableGrads(
      () => {
        const parameters = { gamma, beta, ...averages, slope: slope ? alpha : undefined };
        const y = batchNorm(input, parameters as unknown as Parameters<typeof batchNorm>[1], {
          ...{ epsilon: 1e-5, training: true, momentum: 0.9, unbiasedVariance: true, gather },
        });
        return tf.sum(tf.mul(y, tf.tensor2d(dy, input.shape as [number, number]))) as tf.Scalar;
      },
      trained as unknown as tf.Variable[],
    );
    return {
      loss: value.dataSync()[0]!,
      gradients: trained.map(({ name }) => Array.from(grads[name]!.dataSync())),
      averages: [averages.mean, averages.variance].map((average) => Array.from(average.dataSync())),
    };
  });
}

type Computed = ReturnType<typeof computed>;

function onTwoRanks(parts: readonly [Float32Array, Float32Array][], slope: boolean): Computed[] {
  const said: Float32Array[][] = [[], []];
  let results: Computed[] = [];
  // One pass for each exchange, and one in which all is known.
  for (let pass = 0; pass < 3; pass++) {
    results = parts.map(([x, dy], rank) => {
      let exchange = 0;
      return computed(x, dy, slope, (own) => {
        const at = exchange++;
        said[rank]![at] = own.slice();
        const other = said[1 - rank]![at] ?? own;
        return rank === 0 ? [own, other] : [other, own];
      });
    });
  }
  return results;
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, value] of found.entries()) expect(Math.abs(value - expected[i]!), `${i}`).toBeLessThan(2e-5);
}

test.each([false, true])('uneven parts of a batch are as the whole (with a slope: %s)', (slope) => {
  const [x, dy] = [values(7, 1), values(7, 5)];
  const at = 2 * CHANNELS;
  const ranks = onTwoRanks(
    [
      [x.slice(0, at), dy.slice(0, at)],
      [x.slice(at), dy.slice(at)],
    ],
    slope,
  );
  const whole = computed(x, dy, slope);
  expectClose([ranks[0]!.loss + ranks[1]!.loss], [whole.loss]);
  const [[inputs, ...parameters], [otherInputs, ...otherParameters]] = ranks.map(
    ({ gradients }) => gradients,
  ) as [[number[], ...number[][]], [number[], ...number[][]]];
  expectClose([...inputs, ...otherInputs], whole.gradients[0]!);
  // Those of the parameters are of each rank's own rows: they are added up.
  for (const [i, gradient] of parameters.entries()) {
    expectClose(
      gradient.map((value, c) => value + otherParameters[i]![c]!),
      whole.gradients[i + 1]!,
    );
  }
  for (const { averages } of ranks) for (const i of [0, 1]) expectClose(averages[i]!, whole.averages[i]!);
});
