import { existsSync, readFileSync } from 'node:fs';
import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Sgd, type SgdOptions } from './sgd.ts';

const oracle = new URL('../../../../../shared/oracle/sgd/sgd.json', import.meta.url);

beforeAll(async () => {
  await tf.setBackend(testBackends('cpu')[0]);
});
afterEach(() => {
  tf.disposeVariables();
});

describe.skipIf(!existsSync(oracle))('against MXNet (needs ../shared)', () => {
  test.each<[string, SgdOptions]>([
    ['reference', {}],
    ['named', { decay: 'weights' }],
    ['clip', { decay: 'weights', clipValue: 0.5 }],
    ['no_momentum', { decay: 'weights', momentum: 0 }],
  ])('%s', (trace, options) => {
    const data = JSON.parse(readFileSync(oracle, 'utf8'));
    const names: string[] = data.names;
    const parameters = names.map((name, i) => ({
      name,
      // MXNet's exemption goes by the end of the name and lets gammas decay; ours goes by kind.
      kind: name === 'toy_bias' ? ('bias' as const) : ('weight' as const),
      variable: tf.variable(tf.tensor(data.initial[i], data.shapes[i], 'float32')),
    }));
    const sgd = new Sgd(parameters, options);
    for (const { step, lr, weights, momentum } of data.traces[trace].trace) {
      const gradients = Object.fromEntries(
        parameters.map(({ variable }, i) => [
          variable.name,
          tf.tensor(data.gradients[step][i], data.shapes[i], 'float32'),
        ]),
      );
      sgd.step(gradients, { learningRate: lr, rescale: data.hyper.rescale_grad });
      parameters.forEach(({ name, variable }, i) => {
        expectClose(variable, weights[i]);
        if (momentum[i] !== null) expectClose(sgd.momentum.get(name)!, momentum[i]);
      });
    }
  });
});

function expectClose(actual: tf.Tensor, expected: number[]): void {
  const values = actual.dataSync();
  expect(values.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) expect(Math.abs(values[i]! - expected[i]!)).toBeLessThan(1e-6);
}

function quadratic(options: SgdOptions = {}) {
  const variable = tf.variable(tf.tensor1d([3, -4]));
  const sgd = new Sgd([{ name: 'w', kind: 'weight', variable }], { momentum: 0, weightDecay: 0, ...options });
  const step = (gradient: number[]) => {
    const tensor = tf.tensor1d(gradient);
    sgd.step({ [variable.name]: tensor }, { learningRate: 0.1 });
    tensor.dispose();
    return [...variable.dataSync()];
  };
  return { variable, sgd, step };
}

test('clipNorm scales the whole gradient to the norm, and leaves a smaller one alone', () => {
  const { step } = quadratic({ clipNorm: 5 });
  expectNumbers(step([30, 40]), [3 - 0.3, -4 - 0.4]);
  expectNumbers(step([3, 0]), [3 - 0.3 - 0.3, -4 - 0.4]);
});

test('nesterov looks ahead: two steps worked out by hand', () => {
  const { step } = quadratic({ momentum: 0.5, nesterov: true });
  // v = -.1; w += .5 * -.1 - .1
  expectNumbers(step([1, 0]), [2.85, -4]);
  // v = .5 * -.1 - .1 = -.15; w += .5 * -.15 - .1
  expectNumbers(step([1, 0]), [2.675, -4]);
});

function expectNumbers(actual: number[], expected: number[]): void {
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 5);
  });
}

test.each<SgdOptions>([{}, { nesterov: true }, { decay: 'weights', clipNorm: 0.5 }, { momentum: 0 }])(
  'one kernel for all parameters gives what operations one by one give, to the bit: %j',
  async (options) => {
    const train = () => {
      const parameters = (['weight', 'bias'] as const).map((kind) => ({
        name: kind,
        kind,
        variable: tf.variable(tf.tensor1d([0.3, -1.7, 2.1])),
      }));
      const sgd = new Sgd(parameters, { ...options, weightDecay: 0.01 });
      for (const rate of [0.1, 0.1, 0.03]) {
        const gradients = parameters.map(({ variable }) => [variable.name, tf.tensor1d([0.7, 0.11, -5.3])]);
        sgd.step(Object.fromEntries(gradients), { learningRate: rate, rescale: 1 / 3 });
      }
      return [...parameters.map(({ variable }) => variable), ...sgd.momentum.values()].map((x) =>
        x.dataSync(),
      );
    };
    const before = tf.getBackend();
    await tf.setBackend('cpu');
    const oneByOne = train();
    await tf.setBackend('onnxruntime');
    const atOnce = train();
    await tf.setBackend(before);
    expect(tf.getKernel('MomentumUpdate', 'onnxruntime')).toBeDefined();
    expect(atOnce).toEqual(oneByOne);
  },
);

test('a step leaves no tensor behind, and dispose frees the momenta', () => {
  const before = tf.memory().numTensors;
  const { variable, sgd, step } = quadratic({ momentum: 0.9, clipNorm: 1, clipValue: 1, weightDecay: 0.1 });
  step([1, 2]);
  const after = tf.memory().numTensors;
  step([3, 4]);
  step([5, 6]);
  expect(tf.memory().numTensors).toBe(after);
  sgd.dispose();
  variable.dispose();
  expect(tf.memory().numTensors - before).toBeLessThanOrEqual(1); // the tensor the variable was made from
});

test('a parameter without gradient is named, and nothing is updated', () => {
  const { variable, sgd } = quadratic();
  expect(() => sgd.step({}, { learningRate: 0.1 })).toThrow(/no gradient for w/);
  expect([...variable.dataSync()]).toEqual([3, -4]);
});

test('refuses two parameters of one name', () => {
  const variable = tf.variable(tf.scalar(1));
  const parameter = { name: 'w', kind: 'weight', variable };
  expect(() => new Sgd([parameter, parameter])).toThrow(/named w/);
});

test.each<SgdOptions>([
  { momentum: 1 },
  { momentum: -0.1 },
  { weightDecay: Number.NaN },
  { clipNorm: 0 },
  { clipValue: -1 },
  { nesterov: true, momentum: 0 },
])('refuses %j', (options) => {
  expect(() => new Sgd([], options)).toThrow(expect.objectContaining({ code: 'invalid-option' }));
});
