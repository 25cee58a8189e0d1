import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, it } from 'vitest';
import { backboneFromGraph } from '../backbone.ts';
import { BackbonesError } from '../backbones-error.ts';
import type { BackboneConfig } from '../networks/backbone-config.ts';
import { networkGraph } from '../networks/presets.ts';
import { setCpuBackend, setFastBackend } from '../testing/backend.ts';
import { planExecution, type Step } from './executor.ts';
import { resolveGraph } from './network-graph.ts';
import { cutIntoSegments } from './segments.ts';

const RESNET: BackboneConfig = {
  network: 'r8-narrow',
  inputSize: 16,
  filters: [16, 16, 16, 16],
  embeddingSize: 8,
  dropout: 0.5,
};

interface TrainingStep {
  readonly embeddings: Float32Array;
  readonly gradients: readonly Float32Array[];
  readonly averages: readonly Float32Array[];
}

/** A training step of a network that is the same for every number of segments. */
function trainOnce(config: BackboneConfig, segments: number): TrainingStep {
  const before = tf.memory().numTensors;
  const backbone = backboneFromGraph(networkGraph(config), { seed: 1, segments });
  const result = tf.tidy(() => {
    const [height, width] = backbone.inputShape;
    const images = tf.randomUniform<tf.Rank.R4>([3, height, width, 3], 0, 255, 'float32', 1);
    const trained = [...backbone.parameters.values()].filter(({ variable }) => variable.trainable);
    let output: tf.Tensor | undefined;
    const { grads } = tf.variableGrads(
      () => {
        output = tf.keep(backbone.apply(images, { training: true, seed: 5 }));
        return tf.sum(tf.mul(output, tf.reshape(tf.range(0, output.size), output.shape))) as tf.Scalar;
      },
      trained.map(({ variable }) => variable),
    );
    const embeddings = output!.dataSync<'float32'>().slice();
    output!.dispose();
    return {
      embeddings,
      gradients: trained.map(({ variable }) => grads[variable.name]!.dataSync<'float32'>().slice()),
      averages: [...backbone.parameters.values()]
        .filter(({ role }) => role === 'auxiliary')
        .map(({ variable }) => variable.dataSync<'float32'>().slice()),
    };
  });
  backbone.dispose();
  expect(tf.memory().numTensors).toBe(before);
  return result;
}

function expectSame(actual: readonly Float32Array[], expected: readonly Float32Array[]): void {
  const largest = Math.max(...expected.flatMap((values) => [...values].map(Math.abs)));
  expect(actual.length).toBe(expected.length);
  actual.forEach((values, i) => {
    values.forEach((value, j) => {
      expect(Math.abs(value - expected[i]![j]!)).toBeLessThan(1e-5 * largest);
    });
  });
}

describe.each([
  ['plain', setCpuBackend],
  ['fast', setFastBackend],
])('segments that are computed again, on the %s backend', (_, setBackend) => {
  afterAll(setCpuBackend);

  it.each<[string, BackboneConfig]>([
    ['a ResNet with dropout', RESNET],
    ['a MobileFaceNet', { network: 'y1-narrow', inputSize: 16, embeddingSize: 8, blocks: [1, 1, 1, 1] }],
  ])('give the embeddings, gradients and running averages of %s', async (__, config) => {
    await setBackend();
    const expected = trainOnce(config, 1);
    for (const segments of [2, Number.POSITIVE_INFINITY]) {
      const { embeddings, gradients, averages } = trainOnce(config, segments);
      expectSame([embeddings], [expected.embeddings]);
      expectSame(gradients, expected.gradients);
      expectSame(averages, expected.averages);
    }
  });
});

describe('segments', () => {
  const step = (output: string, ...inputs: string[]): Step => ({
    output,
    inputs,
    parameters: [],
    size: 1,
    compute: ([x]) => x!,
  });
  const outputs = (steps: readonly Step[], count: number): string[] =>
    cutIntoSegments(steps, { input: 'x', output: steps.at(-1)!.output }, count).map(({ output }) => output);

  it('end where nothing but one value is needed any more', () => {
    const residual = [
      step('a', 'x'),
      step('b', 'a'),
      step('c', 'b'),
      step('sum', 'c', 'a'),
      step('d', 'sum'),
    ];
    expect(outputs(residual, Number.POSITIVE_INFINITY)).toEqual(['a', 'sum', 'd']);
    expect(outputs([step('a', 'x'), step('b', 'a', 'x'), step('c', 'b')], 9)).toEqual(['b', 'c']);
  });

  it('are as many as asked for where that is possible, and cover every step', () => {
    const chain = Array.from({ length: 12 }, (_, i) => step(`${i + 1}`, i === 0 ? 'x' : `${i}`));
    for (const count of [1, 2, 3, 5, 12]) {
      const segments = cutIntoSegments(chain, { input: 'x', output: '12' }, count);
      expect(segments.length).toBe(count);
      expect(segments.flatMap(({ steps }) => steps)).toEqual(chain);
    }
    expect(outputs(chain, 3)).toEqual(['4', '8', '12']);
  });

  it('keep the output, whatever comes behind it', () => {
    const steps = [step('a', 'x'), step('b', 'a'), step('c', 'b'), step('d', 'c')];
    const segments = cutIntoSegments(steps, { input: 'x', output: 'b' }, Number.POSITIVE_INFINITY);
    expect(segments.map(({ output }) => output)).toEqual(['a', 'b', 'b']);
  });

  it('are refused below one', () => {
    const graph = networkGraph(RESNET);
    expect(() => backboneFromGraph(graph, { segments: 0 })).toThrow(BackbonesError);
    expect(() => backboneFromGraph(graph, { segments: Number.NaN })).toThrow('segments must be');
    expect(planExecution(resolveGraph(graph), { segments: 1 })).toBeTypeOf('function');
  });
});
