import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, it } from 'vitest';
import { backboneFromGraph } from '../backbone.ts';
import type { BackboneConfig } from '../networks/backbone-config.ts';
import { networkGraph } from '../networks/presets.ts';
import { setCpuBackend, setFastBackend } from '../testing/backend.ts';

const RESNET: BackboneConfig = {
  network: 'r8-narrow',
  inputSize: 16,
  filters: [16, 16, 16, 16],
  embeddingSize: 8,
  dropout: 0.5,
};
const MOBILEFACENET: BackboneConfig = {
  network: 'y1-narrow',
  inputSize: 16,
  embeddingSize: 8,
  blocks: [1, 1, 1, 1],
};

interface Gradients {
  /** By parameter, at the end. */
  readonly result: ReadonlyMap<string, Float32Array>;
  /** By parameter, as they were told, one map a stage. */
  readonly told: readonly ReadonlyMap<string, Float32Array>[];
}

interface Settings {
  readonly count: number | undefined;
  /** Parameters whose gradient is asked for. Default: all that are trained. */
  readonly trained?: (name: string) => boolean;
  /** Segments that are computed again. */
  readonly segments?: number;
}

function gradientsOf(config: BackboneConfig, { count, trained = () => true, segments }: Settings): Gradients {
  const before = tf.memory().numTensors;
  const backbone = backboneFromGraph(networkGraph(config), { seed: 1, segments });
  const told: Map<string, Float32Array>[] = [];
  const values = (tensor: tf.Tensor): Float32Array => tensor.dataSync<'float32'>().slice();
  const result = new Map<string, Float32Array>();
  tf.tidy(() => {
    const [height, width] = backbone.inputShape;
    const images = tf.randomUniform<tf.Rank.R4>([3, height, width, 3], 0, 255, 'float32', 1);
    const asked = [...backbone.parameters.values()].filter(
      ({ name, variable }) => variable.trainable && trained(name),
    );
    const stages =
      count === undefined
        ? undefined
        : {
            count,
            onGradients: (gradients: ReadonlyMap<string, tf.Tensor>) =>
              told.push(new Map([...gradients].map(([name, gradient]) => [name, values(gradient)]))),
          };
    const { grads } = tf.variableGrads(
      () => {
        const output = backbone.apply(images, { training: true, seed: 5, stages });
        return tf.sum(tf.mul(output, tf.reshape(tf.range(0, output.size), output.shape))) as tf.Scalar;
      },
      asked.map(({ variable }) => variable),
    );
    for (const { name, variable } of asked) result.set(name, values(grads[variable.name]!));
  });
  backbone.dispose();
  expect(tf.memory().numTensors).toBe(before);
  return { result, told };
}

function expectClose(
  found: ReadonlyMap<string, Float32Array>,
  expected: ReadonlyMap<string, Float32Array>,
): void {
  const largest = Math.max(...[...expected.values()].flatMap((each) => [...each].map(Math.abs)));
  for (const [name, each] of found) {
    const apart = each.reduce(
      (worst, value, k) => Math.max(worst, Math.abs(value - expected.get(name)![k]!)),
      0,
    );
    expect(apart, name).toBeLessThanOrEqual(1e-6 * largest);
  }
}

describe('stages of the backward pass', () => {
  afterAll(setCpuBackend);

  it.each<[string, BackboneConfig, () => Promise<unknown>]>([
    ['a ResNet with dropout', RESNET, setCpuBackend],
    ['a MobileFaceNet on a lazy backend', MOBILEFACENET, setFastBackend],
  ])(
    'tell the gradients of %s as they come, the last layers first, and change none',
    async (_, config, setBackend) => {
      await setBackend();
      const whole = gradientsOf(config, { count: undefined });
      const { result, told } = gradientsOf(config, { count: 3 });
      expectClose(result, whole.result);
      expect(told).toHaveLength(2);
      const names = told.flatMap((stage) => [...stage.keys()]);
      expect(new Set(names).size).toBe(names.length);
      for (const stage of told) {
        expect(stage.size).toBeGreaterThan(0);
        for (const [name, gradient] of stage) expect(gradient, name).toEqual(result.get(name));
      }
      // In the order of the network, each stage begins behind all of the one that was told after it.
      const order = [...result.keys()];
      const places = told.map((stage) => [...stage.keys()].map((name) => order.indexOf(name)));
      expect(Math.min(...places[0]!)).toBeGreaterThan(Math.max(...places[1]!));
      expect(Math.min(...places[1]!)).toBeGreaterThan(0);
    },
  );

  it('go together with segments that are computed again', () => {
    const whole = gradientsOf(RESNET, { count: undefined });
    const { result, told } = gradientsOf(RESNET, { count: 2, segments: 4 });
    expectClose(result, whole.result);
    expect(told).toHaveLength(1);
    expectClose(told[0]!, whole.result);
  });

  it('tell nothing of parameters whose gradient nobody asks for', () => {
    const { result, told } = gradientsOf(RESNET, { count: 3, trained: (name) => name.startsWith('fc1') });
    expect(result.size).toBeGreaterThan(0);
    expect(told.flatMap((stage) => [...stage.keys()])).toEqual([]);
    const all = gradientsOf(RESNET, { count: 3 }).told[0]!;
    expect([...all.keys()].some((name) => name.startsWith('fc1'))).toBe(true);
  });

  it('are one where there is only one, and refused below', () => {
    expect(gradientsOf(RESNET, { count: 1 }).told).toEqual([]);
    expect(() => gradientsOf(RESNET, { count: 0 })).toThrow('stages must be a number from 1 on, found 0');
    tf.disposeVariables();
  });
});
