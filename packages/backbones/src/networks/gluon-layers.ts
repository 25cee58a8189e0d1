/**
 * Layers with the names that MXNet's Gluon gives them: a node is its prefix and `_fwd`, parameters are the prefix and
 * suffixes of Gluon's own. The reference took DenseNet and MnasNet from Gluon, so their checkpoints have such names.
 */
import type { GraphBuilder } from '../graph/graph-builder.ts';
import { type ConvolutionSettings, convolutionLayer } from '../layers/convolution.ts';
import type { Layer } from '../layers/layer-table.ts';

/** Gluon's default. */
const EPSILON = 1e-5;
const SUFFIXES: Readonly<Record<string, string>> = {
  weight: 'weight',
  gamma: 'gamma',
  beta: 'beta',
  mean: 'running_mean',
  variance: 'running_var',
  slope: 'alpha',
};

export class GluonLayers {
  readonly #graph: GraphBuilder;

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  convolution(prefix: string, x: string, settings: ConvolutionSettings): string {
    return this.#add(prefix, convolutionLayer(settings), x);
  }

  batchNorm(prefix: string, x: string): string {
    const layer: Layer = {
      kind: 'batch-norm',
      epsilon: EPSILON,
      momentum: 0.9,
      fixGamma: false,
      globalStatistics: false,
    };
    return this.#add(prefix, layer, x);
  }

  /** Gluon's PReLU has one slope for all channels. */
  prelu(prefix: string, x: string): string {
    return this.#add(prefix, { kind: 'prelu', shared: true }, x);
  }

  relu(prefix: string, x: string): string {
    return this.#add(prefix, { kind: 'activation', function: 'relu' }, x);
  }

  dropout(prefix: string, x: string, rate: number): string {
    return rate === 0 ? x : this.#add(prefix, { kind: 'dropout', rate }, x);
  }

  pooling(prefix: string, x: string, window: PoolingWindow): string {
    const { method, kernel, stride, padding } = window;
    const layer: Layer = {
      kind: 'pooling',
      method,
      global: false,
      kernel: [kernel, kernel],
      stride: [stride, stride],
      padding: [padding, padding],
      countPadding: true,
    };
    return this.#add(prefix, layer, x);
  }

  #add(prefix: string, layer: Layer, x: string): string {
    return this.#graph.addNamed(`${prefix}_fwd`, layer, [x], (slot) => `${prefix}_${SUFFIXES[slot] ?? slot}`);
  }
}

/** A square window. */
export interface PoolingWindow {
  readonly method: 'average' | 'maximum';
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}
