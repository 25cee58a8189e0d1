import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backbone, createBackbone } from '../backbone.ts';
import { BackbonesError } from '../backbones-error.ts';
import { parseNdArrays, serializeNdArrays } from '../mxnet/ndarray-file.ts';
import { type NamedArray, toFloat32 } from '../named-array.ts';
import { parseSafetensors, serializeSafetensors } from '../safetensors/safetensors.ts';
import { setCpuBackend } from '../testing/backend.ts';
import { exportParameters, importParameters } from './parameter-arrays.ts';

const CONFIG = {
  network: 'y1',
  width: 0.25,
  inputSize: 32,
  embeddingSize: 16,
  blocks: [1, 1, 1, 1],
} as const;
let source: Backbone;
let target: Backbone;
let exported: NamedArray[];

beforeAll(async () => {
  await setCpuBackend();
  source = createBackbone(CONFIG, { seed: 1 });
  target = createBackbone(CONFIG, { seed: 2 });
  exported = exportParameters(source);
});

afterAll(() => {
  source.dispose();
  target.dispose();
});

function failure(arrays: NamedArray[]): BackbonesError {
  const before = exportParameters(target);
  try {
    importParameters(target, arrays);
  } catch (error) {
    expect(error).toBeInstanceOf(BackbonesError);
    expect(exportParameters(target)).toEqual(before);
    return error as BackbonesError;
  }
  throw new Error('expected a failure');
}

describe('parameters', () => {
  it('are exported in the reference’s order, names and shapes', () => {
    expect(exported.map(({ name }) => name.slice(4))).toEqual([...source.parameters.keys()]);
    expect(exported.slice(0, 3).map(({ name, shape }) => [name, shape])).toEqual([
      ['arg:conv_1_conv2d_weight', [16, 3, 3, 3]],
      ['arg:conv_1_batchnorm_gamma', [16]],
      ['arg:conv_1_batchnorm_beta', [16]],
    ]);
    expect(exported.at(-1)!.name).toBe('aux:fc1_moving_var');
  });

  it('are exported as copies, which may be written to', () => {
    for (const { data } of exportParameters(source)) (data as Float32Array).fill(7);
    expect(exportParameters(source)).toEqual(exported);
  });

  it('are exported in the reference’s layout', () => {
    const convolution = exported[0]!;
    const { variable } = source.parameters.get('conv_1_conv2d_weight')!;
    const read = tf.tidy(() => [...tf.transpose(variable, [3, 2, 0, 1]).dataSync()]);
    expect([...toFloat32(convolution)]).toEqual(read);
    const depthwise = exported.find(({ name }) => name === 'arg:conv_2_dw_conv2d_weight')!;
    expect(depthwise.shape).toEqual([16, 1, 3, 3]);
    const weights = source.parameters.get('conv_2_dw_conv2d_weight')!.variable;
    expect(weights.shape).toEqual([3, 3, 16, 1]);
    expect([...toFloat32(depthwise)]).toEqual(
      tf.tidy(() => [...tf.transpose(weights, [2, 3, 0, 1]).dataSync()]),
    );
  });

  it.each([
    [
      'safetensors',
      (arrays: NamedArray[]) => parseSafetensors(serializeSafetensors({ tensors: arrays })).tensors,
    ],
    [
      'MXNet',
      (arrays: NamedArray[]) =>
        parseNdArrays(serializeNdArrays({ names: arrays.map(({ name }) => name), arrays })).arrays,
    ],
    [
      'a list without prefixes',
      (arrays: NamedArray[]) => arrays.map((array) => ({ ...array, name: array.name.slice(4) })),
    ],
    ['any order', (arrays: NamedArray[]) => arrays.toReversed()],
  ])('come back through %s', (_, transport) => {
    const fresh = createBackbone(CONFIG, { seed: 3 });
    const tensors = tf.memory().numTensors;
    importParameters(fresh, transport(exported));
    expect(tf.memory().numTensors).toBe(tensors);
    expect(exportParameters(fresh)).toEqual(exported);
    fresh.dispose();
  });

  it('are converted from other element types', () => {
    const doubles = exported.map((array) => ({
      ...array,
      dtype: 'float64' as const,
      data: Float64Array.from(toFloat32(array)),
    }));
    const fresh = createBackbone(CONFIG, { seed: 3 });
    importParameters(fresh, doubles);
    expect(exportParameters(fresh)).toEqual(exported);
    fresh.dispose();
  });

  it('that are missing, or unknown, are listed with the nearest names, and nothing is assigned', () => {
    const renamed = exported.map((array) =>
      array.name === 'arg:pre_fc1_weight' ? { ...array, name: 'arg:fc1_weight' } : array,
    );
    const error = failure(renamed);
    expect(error.code).toBe('parameter-names');
    expect(error.message).toContain('1 missing: arg:pre_fc1_weight (nearest: arg:fc1_weight)');
    expect(error.message).toContain('1 unknown: arg:fc1_weight (nearest: arg:pre_fc1_weight)');
    expect(failure([...exported, exported[0]!]).message).toContain('conv_1_conv2d_weight is there twice');
    expect(failure([]).message).toMatch(/missing: arg:conv_1_conv2d_weight, .*and \d+ more/);
  });

  it('of another shape are refused with both shapes', () => {
    const [first, ...rest] = exported;
    const error = failure([{ ...first!, shape: [16, 27] }, ...rest]);
    expect(error.code).toBe('parameter-shape');
    expect(error.message).toContain(
      'arg:conv_1_conv2d_weight has the shape [16,3,3,3], the array given for it [16,27]',
    );
  });

  it('of a network with PyTorch’s names come and go without prefixes, and with PyTorch’s counters beside them', () => {
    const torch = createBackbone({ network: 'iresnet18', inputSize: 16, blocks: [1, 1, 1, 1], width: 0.25 });
    const arrays = exportParameters(torch, { prefixes: false });
    expect(arrays.slice(0, 3).map(({ name }) => name)).toEqual(['conv1.weight', 'bn1.weight', 'bn1.bias']);
    expect(arrays.map(({ name }) => name)).toContain('layer1.0.downsample.1.running_var');
    const counter = (name: string): NamedArray => ({
      name,
      shape: [],
      dtype: 'int64',
      data: new BigInt64Array(1),
    });
    importParameters(torch, [...arrays, counter('bn1.num_batches_tracked')]);
    expect(() => importParameters(torch, [...arrays, counter('conv1.num_batches_tracked')])).toThrow(
      '1 unknown: conv1.num_batches_tracked',
    );
    torch.dispose();
  });

  it('may be accompanied by others if so asked', () => {
    const extra: NamedArray = {
      name: 'head:fc7_0_weight',
      shape: [1],
      dtype: 'float32',
      data: new Float32Array(1),
    };
    const fresh = createBackbone(CONFIG, { seed: 3 });
    importParameters(fresh, [extra, ...exported], { unknown: 'ignore' });
    expect(exportParameters(fresh)).toEqual(exported);
    fresh.dispose();
  });
});
