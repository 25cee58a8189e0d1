/**
 * Layers with the names that PyTorch's modules give them: a node is the path of its module (`layer1.0.bn1`), parameters
 * are the path and PyTorch's own names. What InsightFace publishes since it left MXNet (arcface_torch) has such names.
 */
import type { GraphBuilder } from '../graph/graph-builder.ts';
import { type ConvolutionSettings, convolutionLayer } from '../layers/convolution.ts';
import type { Layer } from '../layers/layer-table.ts';

/** PyTorch's default. */
const EPSILON = 1e-5;
const PARAMETERS: Readonly<Record<string, string>> = {
  weight: 'weight',
  bias: 'bias',
  gamma: 'weight',
  beta: 'bias',
  mean: 'running_mean',
  variance: 'running_var',
  slope: 'weight',
};

export class TorchLayers {
  readonly #graph: GraphBuilder;

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  /** Images of 0..255 to -1..1, as arcface_torch's loader does it: (x / 255 - 0.5) / 0.5. */
  normalisedImages(images: string): string {
    const shifted = this.#graph.add('shifted', { kind: 'scale', offset: 127.5, factor: 1 }, images);
    return this.#graph.add('normalised', { kind: 'scale', offset: 0, factor: 1 / 127.5 }, shifted);
  }

  convolution(path: string, x: string, settings: ConvolutionSettings): string {
    return this.#add(path, convolutionLayer(settings), x);
  }

  /** With `frozenGamma` the gamma is used as it is, but not trained (`requires_grad = False`). */
  batchNorm(path: string, x: string, { frozenGamma = false } = {}): string {
    const layer: Layer = {
      kind: 'batch-norm',
      epsilon: EPSILON,
      momentum: 0.9,
      fixGamma: false,
      globalStatistics: false,
      unbiasedVariance: true,
      ...(frozenGamma ? { frozenGamma } : {}),
    };
    return this.#add(path, layer, x);
  }

  prelu(path: string, x: string): string {
    return this.#add(path, { kind: 'prelu', shared: false }, x);
  }

  /** `nn.Linear`: an image's activations are flattened channel by channel, as `torch.flatten` does. */
  linear(path: string, x: string, outputs: number, { bias = true } = {}): string {
    return this.#add(path, { kind: 'fully-connected', outputs, bias }, x);
  }

  dropout(path: string, x: string, rate: number): string {
    return rate === 0 ? x : this.#graph.add(path, { kind: 'dropout', rate }, x);
  }

  sum(path: string, a: string, b: string): string {
    return this.#graph.add(path, { kind: 'add' }, a, b);
  }

  #add(path: string, layer: Layer, x: string): string {
    return this.#graph.addNamed(path, layer, [x], (slot) => `${path}.${PARAMETERS[slot] ?? slot}`);
  }
}
