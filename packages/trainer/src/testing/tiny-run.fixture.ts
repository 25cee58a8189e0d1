/** A complete training run that takes a second: a tiny network, a small head and drawn-at-random "faces". */
import { backboneFromGraph, type Layer, type LayerNode, type NetworkGraph } from '@arcface/backbones';
import { type Margin, SubcenterHead, type SubcenterHeadOptions } from '@arcface/subcenter-loss';
import { MemoryCheckpointStore } from '../checkpoints/checkpoint-store.ts';
import { withFrozenStatistics } from '../training/frozen-parameters.ts';
import type { TrainOptions } from '../training/train-options.ts';
import type { TrainedModel } from '../training/train-step.ts';
import { type RawFacesOptions, rawDecoder, rawFaces } from './raw-faces.fixture.ts';

export const INPUT_SIZE = 16;

/** One of every kind of parameter, with dropout, on 16x16 images: a step takes milliseconds even in plain JavaScript. */
const TINY_LAYERS: readonly ChainedLayer[] = [
  ['scaled', { kind: 'scale', offset: 127.5, factor: 1 / 128 }, []],
  ['conv', convolution({ filters: 8, groups: 1 }), ['weight']],
  ['conv_bn', batchNorm(false), ['gamma', 'beta', 'mean', 'variance']],
  ['conv_relu', { kind: 'prelu', shared: false }, ['slope']],
  ['conv_dw', convolution({ filters: 8, groups: 8 }), ['weight']],
  ['dropped', { kind: 'dropout', rate: 0.1 }, []],
  ['fc', { kind: 'fully-connected', outputs: 8, bias: true }, ['weight', 'bias']],
  ['fc_bn', batchNorm(true), ['gamma', 'beta', 'mean', 'variance']],
];
const TINY_NETWORK = network(TINY_LAYERS);
/** The same without dropout. */
const STEADY_NETWORK = network(TINY_LAYERS.filter(([name]) => name !== 'dropped'));

/** In which images do not influence each other: neither batch normalisation nor dropout. */
const SEPARABLE_NETWORK = network([
  ['scaled', { kind: 'scale', offset: 127.5, factor: 1 / 128 }, []],
  ['conv', convolution({ filters: 8, groups: 1 }), ['weight']],
  ['conv_relu', { kind: 'prelu', shared: false }, ['slope']],
  ['fc', { kind: 'fully-connected', outputs: 8, bias: true }, ['weight', 'bias']],
]);

type ChainedLayer = readonly [name: string, layer: Layer, slots: readonly string[]];

function network(layers: readonly ChainedLayer[]): NetworkGraph {
  return {
    name: 'tiny',
    input: 'data',
    inputShape: [INPUT_SIZE, INPUT_SIZE, 3],
    nodes: chain(layers),
    output: layers.at(-1)![0],
    initializer: { distribution: 'gaussian', fan: 'out', magnitude: 2 },
  };
}

function convolution({ filters, groups }: { filters: number; groups: number }): Layer {
  const window = { kernel: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 1] } as const;
  return { kind: 'convolution', filters, groups, bias: false, ...window };
}

function batchNorm(fixGamma: boolean): Layer {
  return { kind: 'batch-norm', epsilon: 2e-5, momentum: 0.9, fixGamma, globalStatistics: false };
}

function chain(layers: readonly ChainedLayer[]): LayerNode[] {
  return layers.map(([name, layer, slots], i) => ({
    name,
    layer,
    inputs: [layers[i - 1]?.[0] ?? 'data'],
    parameters: Object.fromEntries(slots.map((slot) => [slot, `${name}_${slot}`])),
  }));
}

export interface TinyRunOptions {
  readonly options?: TrainOptions;
  readonly faces?: Partial<RawFacesOptions>;
  readonly margin?: Partial<Margin>;
  readonly subcenters?: number;
  /** Of the head. Default: as many as the dataset has identities. */
  readonly classes?: number;
  /** What else the head is to have. */
  readonly headSettings?: Partial<SubcenterHeadOptions>;
  /** Without batch normalisation and dropout. */
  readonly separable?: boolean;
  /** Default true. */
  readonly dropout?: boolean;
  /** Parts whose batch normalisation stays at its averages. */
  readonly frozenStatistics?: readonly string[];
}

/** A fresh run; the caller disposes `backbone` and `head` (see {@link disposeRun}). */
export function tinyRun({
  options,
  faces,
  margin,
  subcenters = 2,
  classes,
  headSettings,
  separable = false,
  dropout = true,
  frozenStatistics = [],
}: TinyRunOptions = {}) {
  const graph = separable ? SEPARABLE_NETWORK : dropout ? TINY_NETWORK : STEADY_NETWORK;
  const dataset = rawFaces({
    identities: 4,
    imagesPerIdentity: 6,
    height: INPUT_SIZE,
    width: INPUT_SIZE,
    ...faces,
  });
  const backbone = backboneFromGraph(withFrozenStatistics(graph, frozenStatistics), { seed: 1 });
  const head = new SubcenterHead({
    classes: classes ?? dataset.identities.length,
    subcenters,
    embeddingSize: 8,
    seed: 2,
    margin: { s: 8, m2: 0.1, ...margin },
    ...headSettings,
  });
  return {
    backbone,
    head,
    dataset,
    decoder: rawDecoder,
    store: new MemoryCheckpointStore(),
    options: { duration: { epochs: 2 }, batchSize: 6, learningRate: 0.05, seed: 7, ...options },
  };
}

export function disposeRun({ backbone, head }: TrainedModel): void {
  backbone.dispose();
  head.dispose();
}
