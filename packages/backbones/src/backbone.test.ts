import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Backbone, backboneFromGraph, createBackbone } from './backbone.ts';
import { BackbonesError } from './backbones-error.ts';
import { complexity } from './graph/complexity.ts';
import type { NetworkGraph } from './graph/network-graph.ts';
import type { BackboneConfig } from './networks/backbone-config.ts';
import { listNetworks, networkGraph } from './networks/presets.ts';
import { setCpuBackend } from './testing/backend.ts';
import { oracleIsAbsent, oracleJson } from './testing/oracle.ts';

const TINY: BackboneConfig = {
  network: 'r8-narrow',
  inputSize: 16,
  filters: [16, 16, 16, 16],
  embeddingSize: 8,
};

beforeAll(setCpuBackend);

function images({ inputShape: [height, width, channels] }: Backbone, count = 2): tf.Tensor4D {
  return tf.randomUniform([count, height, width, channels], 0, 255, 'float32', 1);
}

function values(backbone: Backbone): Map<string, number[]> {
  return new Map([...backbone.parameters].map(([name, { variable }]) => [name, [...variable.dataSync()]]));
}

function failure(act: () => unknown): BackbonesError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(BackbonesError);
    return error as BackbonesError;
  }
  throw new Error('expected a failure');
}

describe('a network', () => {
  let before: number;
  beforeEach(() => {
    before = tf.memory().numTensors;
  });
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    { network: 'y1-narrow', inputSize: 32 },
    { network: 'y1', width: 0.25, embeddingSize: 64, inputSize: 48 },
    { network: 'y1', width: 0.25, inputSize: 24, stemStride: 1, blocks: [2, 1, 1, 1] },
    { network: 'r8-narrow', inputSize: 56 },
    { network: 'r10-narrow', inputSize: [40, 32] as const },
    {
      ...TINY,
      output: 'GAP' as const,
      squeezeExcitation: true,
      unit: 2 as const,
      activation: 'relu' as const,
    },
  ])('$network at $inputSize embeds, in inference and in training', (config) => {
    const backbone = createBackbone(config);
    tf.tidy(() => {
      const batch = images(backbone);
      for (const training of [false, true]) {
        const embeddings = backbone.apply(batch, { training });
        expect(embeddings.shape).toEqual([2, backbone.embeddingSize]);
        expect([...embeddings.dataSync()].every(Number.isFinite)).toBe(true);
      }
    });
    backbone.dispose();
  });

  it('takes whole numbers as it takes floats', () => {
    const backbone = createBackbone(TINY);
    tf.tidy(() => {
      const whole = tf.floor(images(backbone)) as tf.Tensor4D;
      const a = backbone.apply(whole).dataSync();
      const b = backbone.apply(tf.cast(whole, 'int32')).dataSync();
      expect([...a]).toEqual([...b]);
    });
    backbone.dispose();
  });

  it('does not mind what else is in the batch, outside of training', () => {
    const backbone = createBackbone(TINY);
    tf.tidy(() => {
      const batch = images(backbone, 3);
      const together = backbone.apply(batch).arraySync();
      const alone = backbone.apply(tf.slice(batch, [1, 0, 0, 0], [1, -1, -1, -1])).arraySync();
      alone[0]!.forEach((value, i) => {
        expect(value).toBeCloseTo(together[1]![i]!, 5);
      });
    });
    backbone.dispose();
  });

  it('has a gradient for every argument but fixed gammas, and leaks nothing in training', () => {
    const backbone = createBackbone(TINY);
    tf.tidy(() => {
      const batch = images(backbone, 2);
      const trained = [...backbone.parameters.values()].filter(
        ({ role, fixed }) => role === 'argument' && !fixed,
      );
      expect(trained.every(({ variable }) => variable.trainable)).toBe(true);
      const step = (): number => {
        const { value, grads } = tf.variableGrads(
          () => tf.sum(tf.square(backbone.apply(batch, { training: true, seed: 1 }))) as tf.Scalar,
          trained.map(({ variable }) => variable),
        );
        for (const { variable } of trained) {
          expect(grads[variable.name]?.shape).toEqual(variable.shape);
        }
        tf.dispose([value, grads]);
        return tf.memory().numTensors;
      };
      expect(step()).toBe(step());
    });
    backbone.dispose();
  });

  it('moves its running averages in training only', () => {
    const backbone = createBackbone(TINY);
    const start = values(backbone);
    tf.tidy(() => void backbone.apply(images(backbone)));
    expect(values(backbone)).toEqual(start);
    tf.tidy(() => void backbone.apply(images(backbone), { training: true }));
    const after = values(backbone);
    for (const [name, { role }] of backbone.parameters) {
      expect(JSON.stringify(after.get(name)) === JSON.stringify(start.get(name)), name).toBe(
        role === 'argument',
      );
    }
    backbone.dispose();
  });

  it('drops the same for the same seed, and something else for another', () => {
    const backbone = createBackbone({ ...TINY, output: 'F' });
    tf.tidy(() => {
      const batch = images(backbone);
      const run = (seed: number): number[] => [...backbone.apply(batch, { training: true, seed }).dataSync()];
      expect(run(1)).toEqual(run(1));
      expect(run(1)).not.toEqual(run(2));
    });
    backbone.dispose();
  });

  it('starts the same for the same seed', () => {
    const [a, b, c] = [1, 1, 2].map((seed) => createBackbone(TINY, { seed }));
    expect(values(a!)).toEqual(values(b!));
    expect(values(a!).get('conv0_weight')).not.toEqual(values(c!).get('conv0_weight'));
    for (const backbone of [a, b, c]) backbone!.dispose();
  });

  it('comes back from its graph as JSON', () => {
    const made = createBackbone(TINY, { seed: 3 });
    const again = backboneFromGraph(JSON.parse(JSON.stringify(made.graph)) as NetworkGraph, { seed: 3 });
    tf.tidy(() => {
      const batch = images(made);
      expect([...again.apply(batch).dataSync()]).toEqual([...made.apply(batch).dataSync()]);
    });
    made.dispose();
    again.dispose();
  });

  it('refuses images of another size or type, and work after its end', () => {
    const backbone = createBackbone(TINY);
    tf.tidy(() => {
      expect(failure(() => backbone.apply(tf.zeros([1, 8, 16, 3]))).message).toContain(
        '[batch, 16, 16, 3] of float32 or int32, found [1,8,16,3]',
      );
      expect(failure(() => backbone.apply(tf.zeros([1, 16, 16, 3], 'bool'))).code).toBe('invalid-option');
      backbone.dispose();
      expect(failure(() => backbone.apply(tf.zeros([1, 16, 16, 3]))).code).toBe('disposed');
    });
  });
});

describe('configurations', () => {
  it('of all presets make networks', () => {
    const names = listNetworks().map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['y1', 'y2', 'r18', 'r50', 'r100', 'r50v1', 'r100fc']));
    for (const { name, settings } of listNetworks()) {
      expect(complexity(networkGraph(name)).layers.at(-1)!.outputShape).toEqual([settings.embeddingSize]);
    }
  });

  it('of DenseNets drop behind each layer, where the reference does', () => {
    const { nodes } = networkGraph({ network: 'd121', layerDropout: 0.2 });
    const dropouts = nodes.filter(
      ({ name, layer }) => layer.kind === 'dropout' && name.startsWith('densenet'),
    );
    expect(dropouts).toHaveLength(6 + 12 + 24 + 16);
    expect(dropouts[0]).toMatchObject({
      name: 'densenet0_stage1_dropout0_fwd',
      layer: { rate: 0.2 },
      inputs: ['densenet0_stage1_conv1_fwd'],
    });
    const joined = nodes.find(({ name }) => name === 'densenet0_stage1_concat0');
    expect(joined?.inputs).toEqual(['densenet0_pool0_fwd', 'densenet0_stage1_dropout0_fwd']);
    expect(networkGraph({ network: 'd121', layerDropout: 0 })).toEqual(networkGraph('d121'));
  });

  it('of another momentum have it in every batch norm', () => {
    for (const network of ['r18', 'y1', 'd121', 'mbf']) {
      const norms = networkGraph({ network, batchNormMomentum: 0.99 }).nodes.filter(
        ({ layer }) => layer.kind === 'batch-norm',
      );
      expect(norms.length).toBeGreaterThan(10);
      for (const { layer } of norms) expect(layer).toMatchObject({ momentum: 0.99 });
    }
  });

  it('of another width keep channels at multiples of 16', () => {
    for (const width of [0.1, 0.25, 0.4, 0.75, 1.5]) {
      const channels = complexity(networkGraph({ network: 'y1', width }))
        .layers.filter(({ kind }) => kind === 'convolution')
        .map(({ outputShape }) => outputShape.at(-1)!);
      expect(channels.every((count) => count % 16 === 0)).toBe(true);
    }
  });

  it('of smaller images adapt the window of the head', () => {
    for (const [inputSize, side] of [
      [112, 7],
      [56, 4],
      [48, 3],
      [32, 2],
    ] as const) {
      const head = networkGraph({ network: 'y1', inputSize }).nodes.find(
        ({ name }) => name === 'conv_6dw7_7_conv2d',
      );
      expect(head?.layer).toMatchObject({ kernel: [side, side] });
    }
  });

  it.each<[BackboneConfig | string, string]>([
    ['y3', 'there is no network "y3"; the nearest are y1'],
    [{ network: 'y1', width: 0 }, 'width must be above 0'],
    [{ network: 'y1', embeddingSize: 1.5 }, 'embeddingSize must be a positive integer'],
    [{ network: 'y1', inputSize: 0 }, 'inputSize must be'],
    [{ network: 'y1', unit: 3 }, 'y1 has no setting unit'],
    [{ network: 'y1', blocks: [1, 2] }, 'four stages'],
    [{ network: 'r50', dropout: 1 }, 'dropout must be'],
    [{ network: 'd121', layerDropout: Number.NaN }, 'layerDropout must be'],
    [{ network: 'r50', layerDropout: 0.1 }, 'r50 has no setting layerDropout'],
    [{ network: 'mbf', layerDropout: 0.1 }, 'mbf has no setting layerDropout'],
    [{ network: 'r50', batchNormMomentum: 1 }, 'batchNormMomentum must be'],
    [{ network: 'r50', filters: [64] }, 'channels for the stem and each stage'],
    [{ network: 'r50', output: 'X' as 'E' }, 'there is no output head "X"'],
    [{ network: 'r50', activation: 'swish' as 'relu' }, 'there is no activation "swish"'],
    [{ network: 'y1', width: Number.NaN }, 'width must be above 0'],
  ])('such as %o are refused', (config, message) => {
    const error = failure(() => networkGraph(config));
    expect(error.code).toBe('invalid-option');
    expect(error.message).toContain(message);
  });
});

describe.skipIf(oracleIsAbsent)('initial values (needs ../shared)', () => {
  it('of y1 are spread as the reference spreads them', () => {
    const { params } = oracleJson<{
      params: { name: string; shape: number[]; mean: number; std: number; 'sqrt(2/fan_out)'?: number }[];
    }>('sgd/init_y1.json');
    const backbone = createBackbone('y1', { seed: 5 });
    for (const { name, shape, mean, std, 'sqrt(2/fan_out)': deviation } of params) {
      const parameter = backbone.parameters.get(name)!;
      expect(parameter.shape).toEqual(shape);
      const found = parameter.variable.dataSync<'float32'>();
      const average = found.reduce((sum, value) => sum + value / found.length, 0);
      const spread = Math.sqrt(found.reduce((sum, value) => sum + (value - average) ** 2 / found.length, 0));
      if (deviation === undefined) {
        expect([average, spread]).toEqual([mean, std]);
      } else {
        // Six standard errors of a mean and of a deviation.
        expect(Math.abs(average)).toBeLessThan((6 * deviation) / Math.sqrt(found.length));
        expect(Math.abs(spread / deviation - 1)).toBeLessThan(6 / Math.sqrt(2 * found.length));
      }
    }
    backbone.dispose();
  });
});
