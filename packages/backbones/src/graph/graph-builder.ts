/**
 * Writes a network down, layer by layer. Presets use it: each method adds one node and returns its name, to be given to
 * the next. Names of parameters follow the reference's (the node's name and a suffix), and nodes without a name of their
 * own are numbered as MXNet numbers them.
 */
import { BackbonesError } from '../backbones-error.ts';
import { ACTIVATIONS, type ActivationFunction } from '../layers/activation.ts';
import { type ConvolutionSettings, convolutionLayer } from '../layers/convolution.ts';
import type { Shape } from '../layers/layer.ts';
import { type Layer, rulesOf } from '../layers/layer-table.ts';
import type { LayerNode, NetworkGraph, WeightInitializer } from './network-graph.ts';

/** What follows a normalisation: a function, or one with learned slopes. */
export type Activation = 'prelu' | ActivationFunction;

/** How a slot's parameter is called after its node. */
const SUFFIXES: Readonly<Record<string, string>> = {
  weight: '_weight',
  bias: '_bias',
  gamma: '_gamma',
  beta: '_beta',
  mean: '_moving_mean',
  variance: '_moving_var',
  slope: '_gamma',
};

export class GraphBuilder {
  readonly #name: string;
  readonly #inputShape: readonly [number, number, number];
  readonly #nodes: LayerNode[] = [];
  readonly #shapes = new Map<string, Shape>();
  readonly #numbers = new Map<string, number>();
  /** Name of the images. */
  readonly input = 'data';

  constructor(name: string, inputShape: readonly [number, number, number]) {
    this.#name = name;
    this.#inputShape = inputShape;
    this.#shapes.set(this.input, inputShape);
  }

  /** Shape of a node's value for one image, channels last. */
  shape(node: string): Shape {
    const shape = this.#shapes.get(node);
    if (shape === undefined) {
      throw new BackbonesError('invalid-graph', `there is no node ${JSON.stringify(node)}`);
    }
    return shape;
  }

  /** Number of channels of a node's value. */
  channels(node: string): number {
    return this.shape(node).at(-1)!;
  }

  /** The next of the names that MXNet gives to nodes without one: `_plus0`, `_plus1`, ... */
  numbered(stem: string): string {
    const number = this.#numbers.get(stem) ?? 0;
    this.#numbers.set(stem, number + 1);
    return `${stem}${number}`;
  }

  /** Adds any layer. */
  add(name: string, layer: Layer, ...inputs: string[]): string {
    return this.addNamed(name, layer, inputs, (slot) => `${name}${SUFFIXES[slot] ?? `_${slot}`}`);
  }

  /** Adds any layer, with names for its parameters that don't follow from the node's. */
  addNamed(
    name: string,
    layer: Layer,
    inputs: readonly string[],
    parameterName: (slot: string) => string,
  ): string {
    const shapes = inputs.map((input) => this.shape(input));
    const rules = rulesOf(layer);
    const slots = rules.parameters?.(layer, shapes) ?? [];
    const parameters = Object.fromEntries(slots.map(({ slot }) => [slot, parameterName(slot)]));
    this.#shapes.set(name, rules.outputShape(layer, shapes));
    this.#nodes.push({ name, layer, inputs, parameters });
    return name;
  }

  /** Images of 0..255 to -1..1. */
  normalisedImages(images: string): string {
    const shifted = this.add(
      this.numbered('_minusscalar'),
      { kind: 'scale', offset: 127.5, factor: 1 },
      images,
    );
    return this.add(this.numbered('_mulscalar'), { kind: 'scale', offset: 0, factor: 0.0078125 }, shifted);
  }

  convolution(name: string, x: string, settings: ConvolutionSettings): string {
    return this.add(name, convolutionLayer(settings), x);
  }

  batchNorm(name: string, x: string, options: { epsilon?: number; fixGamma?: boolean } = {}): string {
    const { epsilon = 2e-5, fixGamma = false } = options;
    return this.add(
      name,
      { kind: 'batch-norm', epsilon, momentum: 0.9, fixGamma, globalStatistics: false },
      x,
    );
  }

  activation(name: string, x: string, activation: Activation): string {
    if (activation === 'prelu') {
      return this.add(name, { kind: 'prelu', shared: false }, x);
    }
    if (!Object.hasOwn(ACTIVATIONS, activation)) {
      const known = ['prelu', ...Object.keys(ACTIVATIONS)].join(', ');
      throw new BackbonesError(
        'invalid-option',
        `there is no activation ${JSON.stringify(activation)}; known are ${known}`,
      );
    }
    return this.add(name, { kind: 'activation', function: activation }, x);
  }

  fullyConnected(name: string, x: string, outputs: number): string {
    return this.add(name, { kind: 'fully-connected', outputs, bias: true }, x);
  }

  /** Mean over height and width. */
  globalAverage(name: string, x: string): string {
    return this.add(
      name,
      {
        kind: 'pooling',
        method: 'average',
        global: true,
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0, 0],
        countPadding: true,
      },
      x,
    );
  }

  sum(a: string, b: string): string {
    return this.add(this.numbered('_plus'), { kind: 'add' }, a, b);
  }

  build(output: string, initializer: WeightInitializer): NetworkGraph {
    return {
      name: this.#name,
      input: this.input,
      inputShape: this.#inputShape,
      nodes: this.#nodes,
      output,
      initializer,
    };
  }
}
