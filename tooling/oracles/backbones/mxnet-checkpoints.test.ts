/** Checkpoints that were trained here open in MXNet itself and give the same embeddings, and those trained there do here. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Backbone,
  type BackboneConfig,
  backboneFromMxnet,
  backboneToMxnet,
  createBackbone,
  parseNdArrays,
  toFloat32,
} from '@arcface/backbones';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deterministicImages } from '../../../packages/backbones/src/testing/deterministic-values.ts';
import { findPython } from '../python.ts';

interface MxnetResult {
  readonly embeddings: number[][];
  readonly subcenters: number[][];
}

const { python, missing } = findPython({ variable: 'ARCFACE_MXNET_PYTHON', modules: ['mxnet'] });
const script = fileURLToPath(new URL('./mxnet_checkpoint.py', import.meta.url));
const SMALL = { inputSize: 32, embeddingSize: 16 } as const;
const NETWORKS: Readonly<Record<string, BackboneConfig>> = {
  'a narrow ResNet': { network: 'r8-narrow', ...SMALL },
  'every unit with squeeze-and-excitation': {
    network: 'r8-narrow',
    ...SMALL,
    unit: 1,
    squeezeExcitation: true,
  },
  'a stem that normalises by itself': {
    network: 'r10-narrow',
    ...SMALL,
    unit: 2,
    stem: 2,
    activation: 'elu',
  },
  'leaky activations': { network: 'r8-narrow', ...SMALL, activation: 'leaky', output: 'GAP' },
  'pooling by norms': {
    network: 'r8-narrow',
    ...SMALL,
    activation: 'selu',
    output: 'GNAP',
    embeddingSize: 160,
  },
  'a separable head': { network: 'r8-narrow', ...SMALL, output: 'SFC' },
  'a narrow MobileFaceNet': { network: 'y1-narrow', ...SMALL },
  'a MobileNet': { network: 'm1', ...SMALL, width: 0.25 },
  'a MnasNet, with shared slopes': { network: 'mnas025', ...SMALL },
  'a DenseNet': { network: 'd121', ...SMALL, blocks: [1, 2, 1, 1] },
  'a VarGFaceNet': { network: 'vargfacenet', ...SMALL, width: 0.5, blocks: [1, 1, 1] },
  'a network with PyTorch’s names': { network: 'iresnet18', ...SMALL, width: 0.25, blocks: [1, 1, 1, 1] },
};

function runMxnet<T>(args: readonly string[], input = ''): T {
  const { status, stdout, stderr, error } = spawnSync(python!, [script, ...args], {
    input,
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new Error(`MXNet failed: ${error?.message ?? stderr}`);
  }
  return JSON.parse(stdout) as T;
}

/** A step down the gradient, so that no parameter or running average is at its start. */
function train(backbone: Backbone, images: tf.Tensor4D): void {
  tf.tidy(() => {
    const { grads } = tf.variableGrads(
      () => tf.mean(tf.square(backbone.apply(images, { training: true }))) as tf.Scalar,
      [...backbone.parameters.values()].flatMap(({ variable }) => (variable.trainable ? [variable] : [])),
    );
    for (const { variable } of backbone.parameters.values()) {
      const gradient = grads[variable.name];
      if (gradient !== undefined) {
        variable.assign(tf.sub(variable, tf.mul(gradient, 0.05)));
      }
    }
  });
}

function embed(backbone: Backbone, size: number): number[][] {
  return tf.tidy(() => {
    const images = tf.tensor4d(deterministicImages(2, size), [2, size, size, 3], 'int32');
    return backbone.apply(images).arraySync();
  });
}

function expectClose(actual: number[][], expected: number[][]): void {
  const largest = Math.max(...expected.flat().map(Math.abs));
  const deviation = Math.max(...expected.flat().map((value, i) => Math.abs(value - actual.flat()[i]!)));
  expect(largest).toBeGreaterThan(0);
  expect(deviation / largest).toBeLessThan(1e-4);
}

describe.skipIf(python === undefined)(
  `MXNet checkpoints${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'arcface-mxnet-'));
    const subcenters = [
      {
        name: 'fc7_0_weight',
        shape: [6, 16],
        dtype: 'float32',
        data: Float32Array.from({ length: 96 }, (_, i) => Math.sin(i)),
      },
      {
        name: 'fc7_1_weight',
        shape: [3, 16],
        dtype: 'float32',
        data: Float32Array.from({ length: 48 }, (_, i) => Math.cos(i)),
      },
    ] as const;
    const ours = new Map<string, number[][]>();
    const theirs = new Map<string, MxnetResult>();

    beforeAll(async () => {
      await tf.setBackend('onnxruntime');
      const requests = Object.values(NETWORKS).map((config, i) => {
        const backbone = createBackbone(config, { seed: 4 });
        const images = tf.tensor4d(deterministicImages(4, 32), [4, 32, 32, 3], 'int32');
        train(backbone, images);
        const prefix = join(folder, `network${i}`);
        const { symbol, params } = backboneToMxnet(backbone, { heads: subcenters });
        writeFileSync(`${prefix}-symbol.json`, symbol);
        writeFileSync(`${prefix}-0001.params`, params);
        ours.set(prefix, embed(backbone, 32));
        images.dispose();
        backbone.dispose();
        return { prefix, epoch: 1, size: 32 };
      });
      const results = runMxnet<MxnetResult[]>(['embed'], JSON.stringify(requests));
      requests.forEach(({ prefix }, i) => {
        theirs.set(prefix, results[i]!);
      });
    });

    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    it.each(Object.keys(NETWORKS).map((name, i) => [name, i] as const))(
      'of %s, trained here, give the same embeddings in MXNet, with the sub-centres of drop.py',
      (_, i) => {
        const prefix = join(folder, `network${i}`);
        expectClose(theirs.get(prefix)!.embeddings, ours.get(prefix)!);
        const stored = subcenters.flatMap(({ data }) => [...data]);
        expect(theirs.get(prefix)!.subcenters.flat()).toEqual(stored);
      },
    );

    it('of a network that was trained there open there again after a step here, sub-centres beside them', () => {
      const prefix = join(folder, 'trained-there');
      const expected = runMxnet<MxnetResult>(['train', prefix]);
      const params = new Uint8Array(readFileSync(`${prefix}-0002.params`));
      const symbol = readFileSync(`${prefix}-symbol.json`, 'utf8');
      const backbone = backboneFromMxnet({ symbol, params, inputShape: [24, 24, 3] });
      expectClose(embed(backbone, 24), expected.embeddings);
      const head = parseNdArrays(params).arrays.find(({ name }) => name === 'arg:fc7_0_weight')!;
      expect(head.shape).toEqual([12, 8]);
      expect([...toFloat32(head)]).toEqual(expected.subcenters.flat());

      const images = tf.tensor4d(deterministicImages(4, 24), [4, 24, 24, 3], 'int32');
      train(backbone, images);
      images.dispose();
      const next = join(folder, 'trained-on');
      const heads = [{ ...head, name: 'fc7_0_weight' }];
      const checkpoint = backboneToMxnet(backbone, { heads });
      writeFileSync(`${next}-symbol.json`, checkpoint.symbol);
      writeFileSync(`${next}-0003.params`, checkpoint.params);
      const request = { prefix: next, epoch: 3, size: 24 };
      const [again] = runMxnet<MxnetResult[]>(['embed'], JSON.stringify([request]));
      const ours = embed(backbone, 24);
      expectClose(again!.embeddings, ours);
      expect(again!.subcenters).toEqual(expected.subcenters);
      // The step has changed it.
      expect(() => expectClose(ours, expected.embeddings)).toThrow();
      backbone.dispose();
    });
  },
);
