import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { backboneFromSource } from './backbone.ts';
import { inferenceBackbone } from './inference-backbone.ts';
import type { BackboneConfig } from './networks/backbone-config.ts';
import { outputHeads } from './networks/output-heads.ts';
import { networkGraph } from './networks/presets.ts';
import { setFastBackend } from './testing/backend.ts';
import { parameterValues } from './testing/deterministic-values.ts';

beforeAll(async () => {
  await setFastBackend();
});

const SMALL: BackboneConfig = { network: 'r8-narrow', inputSize: 32, embeddingSize: 16 };

function batchNorms(nodes: readonly { layer: { kind: string } }[]): number {
  return nodes.filter(({ layer }) => layer.kind === 'batch-norm' || layer.kind === 'dropout').length;
}

describe('a network for inference', () => {
  it.each<[BackboneConfig, number]>([
    // One ahead of each unit’s first, padded convolution.
    [SMALL, 3],
    [{ ...SMALL, unit: 1, squeezeExcitation: true }, 0],
    [{ ...SMALL, unit: 2, stem: 2 }, 4],
    [{ network: 'y1-narrow', inputSize: 32, blocks: [1, 1, 1, 1] }, 0],
    [{ network: 'mnas025', inputSize: 32, embeddingSize: 16 }, 0],
    [{ network: 'd121', inputSize: 32, blocks: [1, 2, 1, 1] }, 9],
    [{ network: 'iresnet18', inputSize: 32, width: 0.25, blocks: [1, 1, 1, 1] }, 4],
    [{ network: 'mbf', inputSize: 32, width: 0.5, blocks: [1, 1, 1, 1] }, 0],
    [{ network: 'mbf', inputSize: 32, blocks: [1, 1, 1, 1] }, 0],
    ...outputHeads.map((output): [BackboneConfig, number] => [
      { ...SMALL, output, embeddingSize: output === 'GNAP' ? 64 : 16 },
      { GAP: 4, GNAP: 4, SFC: 4, Z: 4 }[output as string] ?? 3,
    ]),
  ])('made of %o embeds the same, with %i batch norms left', (config, left) => {
    const before = tf.memory().numTensors;
    const backbone = backboneFromSource(networkGraph(config), (parameter) => parameterValues(parameter, 1));
    const folded = inferenceBackbone(backbone);
    expect(batchNorms(folded.graph.nodes)).toBe(left);
    expect(folded.embeddingSize).toBe(backbone.embeddingSize);
    tf.tidy(() => {
      const [height, width] = backbone.inputShape;
      const images = tf.randomUniform<tf.Rank.R4>([2, height, width, 3], 0, 255, 'float32', 1);
      const expected = backbone.apply(images).dataSync<'float32'>();
      const actual = folded.apply(images).dataSync<'float32'>();
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expected.forEach((value, i) => {
        expect(Math.abs(actual[i]! - value)).toBeLessThan(2e-5 * largest);
      });
    });
    backbone.dispose();
    folded.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
