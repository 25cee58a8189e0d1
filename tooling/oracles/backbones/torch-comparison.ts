/** One of arcface_torch's networks, here and in PyTorch: embeddings of each other's parameters, and a training step. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type ApplyOptions,
  type Backbone,
  type BackboneConfig,
  complexity,
  exportParameters,
  importParameters,
  type LayerNode,
  listNetworks,
  type NamedArray,
  networkGraph,
  type Parameter,
  parseSafetensors,
  serializeSafetensors,
  toFloat32,
} from '@arcface/backbones';
import * as tf from '@tensorflow/tfjs-core';
import { backboneFromSource } from '../../../packages/backbones/src/backbone.ts';
import {
  deterministicImages,
  parameterValues,
  uniformValues,
} from '../../../packages/backbones/src/testing/deterministic-values.ts';

/** Largest deviations from PyTorch in float64, each relative to the largest value of its kind. */
export interface TorchComparison {
  /** Embeddings of parameters that were written here and read there. */
  readonly ours: number;
  /** Embeddings of parameters that were written there and read here. */
  readonly theirs: number;
  /** Embeddings in training mode. */
  readonly training: number;
  /** Running averages after one step. */
  readonly averages: number;
  /**
   * Gradients, by the length of the difference; none is held to less than a thousandth of the longest. PyTorch takes the
   * same side of each slope's kink as was taken here.
   */
  readonly gradients: number;
  /** PyTorch's own gradients in float32, by the same measure. */
  readonly gradientsOfTorch: number;
  /** How many values are on the other side of a slope's kink in float64. */
  readonly crossed: number;
  /** How far such a value is from zero at most, where a channel's deviation is about 1. */
  readonly furthest: number;
}

export interface TorchNetwork extends BackboneConfig {
  readonly network:
    | 'iresnet18'
    | 'iresnet34'
    | 'iresnet50'
    | 'iresnet100'
    | 'iresnet200'
    | 'mbf'
    | 'mbf_large';
}

const BATCH = 4;

/** @param python an interpreter that has torch and safetensors */
export async function compareWithTorch(config: TorchNetwork, python: string): Promise<TorchComparison> {
  const folder = mkdtempSync(join(tmpdir(), 'arcface-torch-'));
  const backbone = backboneFromSource(networkGraph(config), deterministic);
  try {
    const images = tf.tensor4d(deterministicImages(BATCH), [BATCH, 112, 112, 3], 'int32');
    write(join(folder, 'ours.safetensors'), exportParameters(backbone, { prefixes: false }));
    write(join(folder, 'sides.safetensors'), await sidesOfKinks(backbone, images));
    runTorch(config, backbone, python, folder);
    const results = read(join(folder, 'results.safetensors'));
    const ours = await embed(backbone, images);
    const { embeddings, gradients } = trainOnce(backbone, images);
    const after = named(backbone);
    importParameters(backbone, parseSafetensors(readFileSync(join(folder, 'theirs.safetensors'))).tensors);
    const theirs = await embed(backbone, images);
    images.dispose();
    const single = new Map(
      [...results].flatMap(([name, values]) =>
        name.startsWith('grad32:') ? [[name.slice('grad32:'.length), values]] : [],
      ),
    );
    return {
      ours: deviation(ours, results.get('ours')!),
      theirs: deviation(theirs, results.get('theirs')!),
      training: deviation(embeddings, results.get('trained')!),
      averages: worstOf(results, 'after:', after, { size: largest, floor: 0 }),
      gradients: worstOf(results, 'grad:', gradients, { size: norm, floor: 1e-3 }),
      gradientsOfTorch: worstOf(results, 'grad:', single, { size: norm, floor: 1e-3 }),
      crossed: results.get('crossed')![0]!,
      furthest: results.get('furthest')![0]!,
    };
  } finally {
    backbone.dispose();
    rmSync(folder, { recursive: true });
  }
}

function deterministic(parameter: Pick<Parameter, 'name' | 'kind' | 'shape'>): Float32Array {
  return parameterValues(parameter, 1);
}

function write(path: string, tensors: readonly NamedArray[]): void {
  writeFileSync(path, serializeSafetensors({ tensors }));
}

/**
 * For each PReLU, which of its inputs are positive in training: [batch, channels, height, width] of 1 and 0. Slopes are
 * positive, so its result has the signs of its input; the network is given an output that is all of these results.
 */
async function sidesOfKinks({ graph }: Backbone, images: tf.Tensor4D): Promise<NamedArray[]> {
  const shapes = new Map(complexity(graph).layers.map(({ name, outputShape }) => [name, outputShape]));
  const slopes = graph.nodes.filter(({ layer }) => layer.kind === 'prelu');
  const rows = slopes.map(
    ({ name }): LayerNode => ({
      name: `row:${name}`,
      layer: { kind: 'flatten' },
      inputs: [name],
      parameters: {},
    }),
  );
  const output = 'rows';
  const joined: LayerNode = {
    name: output,
    layer: { kind: 'concatenate' },
    inputs: rows.map(({ name }) => name),
    parameters: {},
  };
  const watched = backboneFromSource(
    { ...graph, nodes: [...graph.nodes, ...rows, joined], output },
    deterministic,
  );
  const values = await embed(watched, images, { training: true });
  const rowLength = watched.embeddingSize;
  watched.dispose();
  let start = 0;
  return slopes.map(({ name, parameters }) => {
    const [height, width, channels] = shapes.get(name) as [number, number, number];
    const size = height * width * channels;
    const data = new Uint8Array(BATCH * size);
    for (let image = 0; image < BATCH; image++) {
      const row = values.subarray(image * rowLength + start, image * rowLength + start + size);
      row.forEach((value, i) => {
        data[image * size + i] = value > 0 ? 1 : 0;
      });
    }
    start += size;
    const module = parameters.slope!.replace(/\.weight$/, '');
    return { name: module, dtype: 'uint8', shape: [BATCH, channels, height, width], data };
  });
}

function runTorch(config: TorchNetwork, backbone: Backbone, python: string, folder: string): void {
  const { blocks, width } = networkSettings(config);
  const request = {
    network: config.network.startsWith('iresnet') ? 'iresnet' : 'mbf',
    blocks,
    width,
    embedding: backbone.embeddingSize,
    batch: BATCH,
  };
  const script = fileURLToPath(new URL('./torch_network.py', import.meta.url));
  const { status, stderr, error } = spawnSync(python, [script, folder], {
    input: JSON.stringify(request),
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new Error(`${python} failed: ${error?.message ?? stderr}`);
  }
}

function networkSettings(config: TorchNetwork): Pick<BackboneConfig, 'blocks' | 'width'> {
  const { settings } = listNetworks().find(({ name }) => name === config.network)!;
  return { ...settings, ...config };
}

function read(path: string): Map<string, Float32Array> {
  return new Map(parseSafetensors(readFileSync(path)).tensors.map((array) => [array.name, toFloat32(array)]));
}

function named(backbone: Backbone): Map<string, Float32Array> {
  return new Map(
    exportParameters(backbone, { prefixes: false }).map((array) => [array.name, toFloat32(array)]),
  );
}

async function embed(
  backbone: Backbone,
  images: tf.Tensor4D,
  options: ApplyOptions = {},
): Promise<Float32Array> {
  const embeddings = backbone.apply(images, options);
  const values = (await embeddings.data<'float32'>()).slice();
  embeddings.dispose();
  return values;
}

/** One step in training mode. The gradients go through the door that parameters go through: assigned, then exported. */
function trainOnce(
  backbone: Backbone,
  images: tf.Tensor4D,
): { embeddings: Float32Array; gradients: Map<string, Float32Array> } {
  const shape: [number, number] = [BATCH, backbone.embeddingSize];
  const direction = tf.tensor2d(uniformValues('direction', shape[0] * shape[1], -1, 1), shape);
  const trained = [...backbone.parameters.values()].filter(({ variable }) => variable.trainable);
  let embeddings = new Float32Array();
  const { value, grads } = tf.variableGrads(
    () => {
      const output = backbone.apply(images, { training: true });
      embeddings = output.dataSync<'float32'>().slice();
      return tf.sum(tf.mul(output, direction)) as tf.Scalar;
    },
    trained.map(({ variable }) => variable),
  );
  const held = trained.map(({ variable }) => variable.clone());
  for (const { variable } of trained) {
    variable.assign(grads[variable.name]!);
  }
  const gradients = named(backbone);
  trained.forEach(({ variable }, i) => {
    variable.assign(held[i]!);
  });
  tf.dispose([value, grads, direction, held]);
  return { embeddings, gradients };
}

type Size = (values: Float32Array) => number;

/** The largest deviation of all arrays with a prefix. `floor` is the share of the largest that none is held to less than. */
function worstOf(
  expected: ReadonlyMap<string, Float32Array>,
  prefix: string,
  actual: ReadonlyMap<string, Float32Array>,
  { size, floor }: { size: Size; floor: number },
): number {
  const entries = [...expected].filter(([name]) => name.startsWith(prefix));
  const least = floor * Math.max(...entries.map(([, values]) => size(values)));
  return Math.max(
    ...entries.map(([name, values]) =>
      deviation(actual.get(name.slice(prefix.length))!, values, { size, least }),
    ),
  );
}

function deviation(
  actual: Float32Array,
  expected: Float32Array,
  { size = largest, least = 0 }: { size?: Size; least?: number } = {},
): number {
  if (actual.length !== expected.length) {
    return Number.POSITIVE_INFINITY;
  }
  const differences = expected.map((value, i) => value - actual[i]!);
  return size(differences) / Math.max(size(expected), least);
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
