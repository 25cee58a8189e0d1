/* What is written is judged by ONNX Runtime: it computes what the network computes here. */
import * as tf from '@tensorflow/tfjs-core';
import { parseOnnxModel, serializeOnnxModel } from 'onnx-format';
import { describe, expect, it } from 'vitest';
import { type Backbone, backboneFromSource } from '../backbone.ts';
import type { LayerNode, NetworkGraph } from '../graph/network-graph.ts';
import { ACTIVATIONS } from '../layers/activation.ts';
import type { BackboneConfig } from '../networks/backbone-config.ts';
import { outputHeads } from '../networks/output-heads.ts';
import { networkGraph } from '../networks/presets.ts';
import { exportParameters } from '../parameters/parameter-arrays.ts';
import { setFastBackend } from '../testing/backend.ts';
import { deterministicImages, parameterValues } from '../testing/deterministic-values.ts';
import { channelsFirst, runOnnx } from '../testing/onnx-runtime.ts';
import { exportOnnx, type OnnxExportOptions } from './onnx-writer.ts';

await setFastBackend();

const tiny = { network: 'r18', embeddingSize: 16, blocks: [1, 1, 1, 1], filters: [16, 16, 16, 32, 32] };
const small = { inputSize: 64, embeddingSize: 16 };

const families: readonly BackboneConfig[] = [
  { network: 'y1', ...small, width: 0.25 },
  { network: 'y2', ...small, width: 0.25, blocks: [1, 1, 1, 1] },
  { network: 'm1', ...small, width: 0.25 },
  { network: 'mnas025', ...small },
  { network: 'd121', ...small, blocks: [2, 2, 2, 2], filters: [16] },
  { network: 'vargfacenet', ...small, width: 0.25, blocks: [1, 1, 1] },
  { network: 'vargfacenet', ...small, width: 0.25, blocks: [1, 1, 1], squeezeExcitation: true },
  ...([0, 1, 2] as const).map((stem) => ({ ...tiny, inputSize: 64, stem })),
  { ...tiny, inputSize: [48, 33], embeddingSize: 1 },
  { network: 'y1', inputSize: [40, 64], embeddingSize: 3, width: 0.25, output: 'GNAP' },
  { network: 'iresnet18', ...small, blocks: [1, 1, 1, 1], filters: [16, 16, 16, 32, 32] },
  { network: 'mbf', ...small, blocks: [1, 1, 1, 1] },
  ...([1, 2] as const).map((unit) => ({ ...tiny, inputSize: 64, unit, squeezeExcitation: true })),
];

function withFixedValues(config: BackboneConfig): Backbone {
  return backboneFromSource(networkGraph(config), (parameter) => parameterValues(parameter, 1));
}

/** Largest deviation of ONNX Runtime's embeddings from ours, relative to the largest value. */
async function deviation(
  backbone: Backbone,
  batch: number,
  options: OnnxExportOptions = {},
): Promise<number> {
  const [height, width] = backbone.inputShape;
  const pixels = deterministicImages(batch, height, width);
  const images = tf.tensor4d(pixels, [batch, height, width, 3], 'int32');
  const embeddings = backbone.apply(images);
  const expected = await embeddings.data<'float32'>();
  tf.dispose([images, embeddings]);
  const shape = [batch, 3, height, width];
  const { data, dims } = await runOnnx(
    exportOnnx(backbone, options),
    channelsFirst(pixels, [batch, height, width]),
    shape,
  );
  expect(dims).toEqual([batch, backbone.embeddingSize]);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(0);
  return data.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0) / largest;
}

async function expectAgreement(config: BackboneConfig): Promise<void> {
  const backbone = withFixedValues(config);
  for (const batch of [1, 3]) expect(await deviation(backbone, batch)).toBeLessThan(1e-5);
  backbone.dispose();
}

describe('ONNX Runtime computes what the network computes', () => {
  it.each(families.map((config) => [JSON.stringify(config), config] as const))('%s', (_, config) =>
    expectAgreement(config),
  );
  it.each(outputHeads)('output head %s', (output) => expectAgreement({ ...tiny, inputSize: 112, output }));
  it.each(Object.keys(ACTIVATIONS))('activation %s', (activation) =>
    expectAgreement({ ...tiny, inputSize: 32, activation } as BackboneConfig),
  );
});

describe('an exported model', () => {
  const backbone = withFixedValues({ network: 'y1', ...small, width: 0.25 });
  const model = exportOnnx(backbone);

  it('says what goes in and what comes out', () => {
    expect(model.graph.inputs).toEqual([
      { name: 'data', elementType: 'float32', shape: ['batch', 3, 64, 64] },
    ]);
    expect(model.graph.outputs).toEqual([
      { name: 'embedding', elementType: 'float32', shape: ['batch', 16] },
    ]);
    expect(model.metadata?.get('arcface.input')).toBe('layout=NCHW,channels=RGB,mean=0,std=1');
    expect(model.metadata?.get('arcface.network')).toBe('y1');
  });

  it('has the names and values of the checkpoint', () => {
    const node = model.graph.nodes.find(({ opType }) => opType === 'Conv');
    expect(node).toMatchObject({ name: 'conv_1_conv2d', inputs: ['_mulscalar0', 'conv_1_conv2d_weight'] });
    const weight = model.graph.initializers.find(({ name }) => name === 'conv_1_conv2d_weight');
    const exported = exportParameters(backbone).find(({ name }) => name === 'arg:conv_1_conv2d_weight')!;
    expect(weight?.dims).toEqual(exported.shape);
    expect(weight?.bytes).toEqual(new Uint8Array(exported.data.buffer));
  });

  it('is the same from a backbone as from its graph and arrays, and is read as it is written', () => {
    const parameters = exportParameters(backbone);
    const bytes = Buffer.from(serializeOnnxModel(model));
    expect(bytes.equals(serializeOnnxModel(exportOnnx({ graph: backbone.graph, parameters })))).toBe(true);
    expect(bytes.equals(serializeOnnxModel(parseOnnxModel(bytes)))).toBe(true);
  });

  it('says when an embedding depends on its batch', () => {
    const gnap = withFixedValues({ ...tiny, inputSize: 32, output: 'GNAP' });
    expect(exportOnnx(gnap).metadata?.get('arcface.batch-dependent')).toBe('true');
    expect(model.metadata?.has('arcface.batch-dependent')).toBe(false);
  });

  it('has fewer batch norms, and the same embeddings, when they are folded', async () => {
    const norms = (options: OnnxExportOptions): number =>
      exportOnnx(backbone, options).graph.nodes.filter(({ opType }) => opType === 'BatchNormalization')
        .length;
    expect([norms({}) > 0, norms({ foldBatchNorms: true })]).toEqual([true, 0]);
    expect(await deviation(backbone, 2, { foldBatchNorms: true })).toBeLessThan(1e-5);
  });

  it('tells values and constants of one name apart, and constants that two layers need in two forms', async () => {
    const norm = (name: string, input: string, fixGamma: boolean): LayerNode => ({
      ...{ name, inputs: [input] },
      layer: { kind: 'batch-norm', epsilon: 1e-3, momentum: 0.9, fixGamma, globalStatistics: false },
      parameters: { gamma: 'gamma', beta: 'beta', mean: 'mean', variance: 'variance' },
    });
    const sloped = (name: string, input: string): LayerNode => ({
      ...{ name, inputs: [input], layer: { kind: 'prelu', shared: false }, parameters: { slope: 'slope' } },
    });
    const nodes: LayerNode[] = [
      norm('first', 'data', true),
      norm('second', 'first', false),
      norm('third', 'second', true),
      sloped('on the map', 'third'),
      {
        ...{ name: 'rows', inputs: ['on the map'], parameters: { weight: 'rows', bias: 'embedding_flat' } },
        layer: { kind: 'fully-connected', outputs: 3, bias: true },
      },
      sloped('on rows', 'rows'),
      {
        ...{ name: 'embedding', inputs: ['on rows'], parameters: { weight: 'data', bias: 'rows_flat' } },
        layer: { kind: 'fully-connected', outputs: 5, bias: true },
      },
    ];
    const graph: NetworkGraph = {
      ...{ name: 'names', input: 'data', inputShape: [2, 3, 3], nodes, output: 'embedding' },
      initializer: { distribution: 'gaussian', fan: 'out', magnitude: 2 },
    };
    const odd = backboneFromSource(graph, (parameter) => parameterValues(parameter, 1));
    expect(await deviation(odd, 2)).toBeLessThan(1e-5);
    expect(await deviation(odd, 2, { foldBatchNorms: true })).toBeLessThan(1e-5);
    expect(odd.parameters.get('gamma')).toMatchObject({ fixed: false, variable: { trainable: true } });
    odd.dispose();
  });

  it('is not made of arrays that are not the network’s', () => {
    expect(() => exportOnnx({ graph: backbone.graph, parameters: [] })).toThrow(/missing/);
  });
});
