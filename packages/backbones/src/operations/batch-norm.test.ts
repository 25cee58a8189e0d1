import { testBackends } from '@arcface-tooling/test-backends';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SmallFastCounting } from '../small-fast-counting.ts';
import { setCpuBackend, setFastBackend } from '../testing/backend.ts';
import { type BatchNormParameters, batchNorm } from './batch-norm.ts';

const EPSILON = 1e-3;
const fast = await setFastBackend();

interface Problem {
  readonly shape: number[];
  readonly x: number[];
  readonly dy: number[];
  readonly gamma: number[];
  readonly beta: number[];
  readonly slope: number[] | undefined;
}

/** The definition, in float64: value by value, with the channel last. */
function normalise({ shape, x, gamma, beta, slope }: Problem): {
  y: number[];
  mean: number[];
  variance: number[];
} {
  const channels = shape.at(-1)!;
  const count = x.length / channels;
  const over = (f: (value: number, channel: number) => number): number[] => {
    const sums = new Array<number>(channels).fill(0);
    x.forEach((value, i) => {
      sums[i % channels]! += f(value, i % channels) / count;
    });
    return sums;
  };
  const mean = over((value) => value);
  const variance = over((value, channel) => (value - mean[channel]!) ** 2);
  const y = x.map((value, i) => {
    const c = i % channels;
    const z = ((value - mean[c]!) / Math.sqrt(variance[c]! + EPSILON)) * gamma[c]! + beta[c]!;
    return slope === undefined || z > 0 ? z : z * slope[c]!;
  });
  return { y, mean, variance };
}

/** d sum(y * dy) / d problem[key], by central differences in float64. */
function differences(problem: Problem, key: 'x' | 'gamma' | 'beta' | 'slope'): number[] {
  const h = 1e-5;
  const values = problem[key]!;
  const loss = (changed: number[]): number =>
    normalise({ ...problem, [key]: changed }).y.reduce((sum, y, i) => sum + y * problem.dy[i]!, 0);
  return values.map((value, i) => {
    const [up, down] = [value + h, value - h].map((moved) => loss(values.with(i, moved)));
    return (up! - down!) / (2 * h);
  });
}

/** The operation, with all its gradients. */
function run(problem: Problem): Record<string, number[]> {
  const { shape, gamma, beta, slope } = problem;
  return tf.tidy(() => {
    const mean = tf.variable(tf.zeros<tf.Rank.R1>([gamma.length]), false);
    const variance = tf.variable(tf.ones<tf.Rank.R1>([gamma.length]), false);
    const inputs = [
      tf.tensor(problem.x, shape),
      tf.tensor1d(gamma),
      tf.tensor1d(beta),
      ...(slope === undefined ? [] : [tf.tensor1d(slope)]),
    ];
    const apply = (...[x, g, b, s]: tf.Tensor[]): tf.Tensor =>
      batchNorm(x!, { gamma: g, beta: b, mean, variance, slope: s } as unknown as BatchNormParameters, {
        epsilon: EPSILON,
        training: true,
        momentum: 0.5,
      });
    const { value, grads } = tf.valueAndGrads(apply)(inputs, tf.tensor(problem.dy, shape));
    const result = {
      y: [...value.dataSync()],
      mean: [...mean.dataSync()],
      variance: [...variance.dataSync()],
      ...Object.fromEntries(
        ['x', 'gamma', 'beta', 'slope'].flatMap((key, i) => {
          const gradient = grads[i];
          return gradient === undefined ? [] : [[key, [...gradient.dataSync()]]];
        }),
      ),
    };
    tf.dispose([mean, variance]);
    return result;
  });
}

function expectClose(actual: number[], expected: number[], tolerance: number): void {
  const scale = Math.max(1, ...expected.map(Math.abs));
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(Math.abs(actual[i]! - value) / scale).toBeLessThan(tolerance);
  });
}

const problem = fc
  .record({
    place: fc.constantFrom<number[]>([6], [2, 3, 2], [1, 2, 4], [3, 1, 1]),
    channels: fc.constantFrom(1, 3, 16),
    withSlope: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ place, channels, withSlope, seed }): Problem => {
    const size = place.reduce((product, side) => product * side, channels);
    const draw = (name: string, length: number): number[] => {
      const random = new SmallFastCounting(seed, name);
      return Array.from({ length }, () => 4 * random.uniform() - 2);
    };
    return {
      shape: [...place, channels],
      x: draw('x', size),
      dy: draw('dy', size),
      gamma: draw('gamma', channels),
      beta: draw('beta', channels),
      slope: withSlope ? draw('slope', channels) : undefined,
    };
  })
  // A kink has no derivative (finite differences would straddle it), and float32 cannot follow the steep gradients of
  // a channel that hardly varies.
  .filter((candidate) => {
    const { y, variance } = normalise({ ...candidate, slope: undefined });
    return y.every((value) => Math.abs(value) > 1e-3) && variance.every((value) => value > 1e-2);
  });

describe.each(fast ? testBackends('cpu', 'onnxruntime') : testBackends('cpu'))(
  'batch norm in training on %s',
  (backend) => {
    beforeAll(async () => {
      await (backend === 'cpu' ? setCpuBackend() : setFastBackend());
    });
    afterAll(async () => {
      await setFastBackend();
    });

    it('agrees with its definition, and its gradients with finite differences', () => {
      fc.assert(
        fc.property(problem, (given) => {
          const found = run(given);
          const expected = normalise(given);
          expectClose(found.y!, expected.y, 1e-5);
          expectClose(
            found.mean!,
            expected.mean.map((value) => value / 2),
            1e-5,
          );
          expectClose(
            found.variance!,
            expected.variance.map((value) => (1 + value) / 2),
            1e-5,
          );
          for (const key of ['x', 'gamma', 'beta', 'slope'] as const) {
            if (given[key] !== undefined) {
              expectClose(found[key]!, differences(given, key), 2e-4);
            }
          }
        }),
        { numRuns: backend === 'cpu' ? 40 : 12, seed: 7 },
      );
    });

    it('leaves no tensor behind', () => {
      const before = tf.memory().numTensors;
      run({ shape: [3, 1], x: [1, 2, 4], dy: [1, 0, 1], gamma: [1], beta: [0], slope: [0.25] });
      expect(tf.memory().numTensors).toBe(before);
    });

    it('averages unbiased variances if asked to, and nothing at all if asked to', () => {
      tf.tidy(() => {
        const mean = tf.variable(tf.tensor1d([0]), false);
        const variance = tf.variable(tf.tensor1d([0]), false);
        const x = tf.tensor2d([1, 2, 6], [3, 1]);
        const parameters = { beta: tf.tensor1d([0]), mean, variance };
        const options = { epsilon: 0, training: true, momentum: 0.5 };
        batchNorm(x, parameters, { ...options, unbiasedVariance: true, updateAverages: false });
        expect([...mean.dataSync(), ...variance.dataSync()]).toEqual([0, 0]);
        batchNorm(x, parameters, { ...options, unbiasedVariance: true });
        expectClose([...mean.dataSync(), ...variance.dataSync()], [1.5, 3.5], 1e-5);
        tf.dispose([mean, variance]);
      });
    });

    it('uses the running averages otherwise, and leaves them alone', () => {
      tf.tidy(() => {
        const mean = tf.variable(tf.tensor1d([1, -1]), false);
        const variance = tf.variable(tf.tensor1d([4, 0.25]), false);
        const x = tf.tensor2d([3, 0, -1, -1], [2, 2]);
        const parameters = { beta: tf.tensor1d([0, 1]), mean, variance, slope: tf.tensor1d([0.5, 0.5]) };
        const y = batchNorm(x, parameters, { epsilon: 0, training: false });
        expectClose([...y.dataSync()], [1, 3, -0.5, 1], 1e-5);
        expect([...mean.dataSync(), ...variance.dataSync()]).toEqual([1, -1, 4, 0.25]);
        tf.dispose([mean, variance]);
      });
    });
  },
);
