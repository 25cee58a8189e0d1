/**
 * Batch norms disappear in inference: behind a convolution or a fully connected layer, one is a factor and a summand a
 * channel, which that layer's weights and biases can hold as well; ahead of a fully connected layer too. Dropout goes as
 * well. What comes out is another network, for inference only, that gives the same embeddings up to rounding.
 *
 * A batch norm ahead of a convolution with padding stays: the zeros of the padding are put in behind it.
 */
import type { NamedArray } from '../named-array.ts';
import { toFloat32 } from '../named-array.ts';
import type { LayerNode, NetworkGraph } from './network-graph.ts';

/** A network and its values, which are named without prefixes and lie in the reference's layout. */
export interface GraphWithValues {
  readonly graph: NetworkGraph;
  readonly values: ReadonlyMap<string, NamedArray>;
}

/** Factor and summand of a channel. */
interface Affine {
  readonly factor: Float64Array;
  readonly summand: Float64Array;
}

/** @returns the network without the batch norms that could be folded */
export function foldBatchNorms({ graph, values }: GraphWithValues): GraphWithValues {
  const folding = new Folding(graph, values);
  folding.removeDropouts();
  folding.foldForwards();
  folding.foldBackwards();
  return folding.result();
}

class Folding {
  readonly #graph: NetworkGraph;
  readonly #values: Map<string, NamedArray>;
  readonly #uses = new Map<string, number>();
  #nodes: LayerNode[];
  #output: string;

  constructor(graph: NetworkGraph, values: ReadonlyMap<string, NamedArray>) {
    this.#graph = graph;
    this.#nodes = [...graph.nodes];
    this.#output = graph.output;
    this.#values = new Map(values);
    for (const name of graph.nodes.flatMap(({ parameters }) => Object.values(parameters))) {
      this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
    }
  }

  result(): GraphWithValues {
    const used = new Set(this.#nodes.flatMap(({ parameters }) => Object.values(parameters)));
    return {
      graph: { ...this.#graph, nodes: this.#nodes, output: this.#output },
      values: new Map([...this.#values].filter(([name]) => used.has(name))),
    };
  }

  removeDropouts(): void {
    for (const node of this.#nodes.filter(({ layer }) => layer.kind === 'dropout')) {
      this.#replace(node, undefined);
      this.#rename(node.name, node.inputs[0]!);
    }
  }

  /** Batch norms into the layer ahead of them, which takes their name: the embedding's may be among them. */
  foldForwards(): void {
    for (const norm of this.#nodes.filter(({ layer }) => layer.kind === 'batch-norm')) {
      const linear = this.#nodes.find(({ name }) => name === norm.inputs[0]);
      if (linear === undefined || !this.#isOwnLinear(linear) || !this.#feedsOnly(linear, norm)) continue;
      const affine = this.#affineOf(norm);
      const { factor, summand } = affine;
      const weight = this.#value(linear, 'weight');
      const perOutput = weight.length / factor.length;
      const bias = this.#biasOf(linear, factor.length);
      this.#replace(norm, undefined);
      this.#replace(
        linear,
        this.#withValues(
          { ...linear, name: norm.name },
          weight.map((value, i) => value * factor[Math.floor(i / perOutput)]!),
          bias.map((value, i) => value * factor[i]! + summand[i]!),
        ),
      );
    }
  }

  /** Batch norms into the fully connected layer behind them. */
  foldBackwards(): void {
    for (const norm of this.#nodes.filter(({ layer }) => layer.kind === 'batch-norm')) {
      const linear = this.#nodes.find(({ inputs }) => inputs.includes(norm.name));
      const isMatrix = linear?.layer.kind === 'fully-connected' && this.#isOwnLinear(linear);
      if (!isMatrix || !this.#feedsOnly(norm, linear)) continue;
      const { factor, summand } = this.#affineOf(norm);
      const weight = this.#value(linear, 'weight');
      const outputs = linear.layer.kind === 'fully-connected' ? linear.layer.outputs : 0;
      const inputs = weight.length / outputs;
      // An image is flattened channel by channel.
      const perChannel = inputs / factor.length;
      const channel = (i: number): number => Math.floor((i % inputs) / perChannel);
      const bias = this.#biasOf(linear, outputs);
      weight.forEach((value, i) => {
        bias[Math.floor(i / inputs)]! += value * summand[channel(i)]!;
      });
      this.#replace(norm, undefined);
      this.#replace(
        linear,
        this.#withValues(
          { ...linear, inputs: norm.inputs },
          weight.map((value, i) => value * factor[channel(i)]!),
          bias,
        ),
      );
    }
  }

  /** Whether a layer is a matrix or a convolution whose weights no other layer uses. */
  #isOwnLinear({ layer, parameters }: LayerNode): boolean {
    const isLinear = layer.kind === 'convolution' || layer.kind === 'fully-connected';
    return isLinear && Object.values(parameters).every((name) => this.#uses.get(name) === 1);
  }

  #feedsOnly({ name }: LayerNode, consumer: LayerNode): boolean {
    const consumers = this.#nodes.filter(({ inputs }) => inputs.includes(name));
    return name !== this.#output && consumers.length === 1 && consumers[0] === consumer;
  }

  #affineOf(norm: LayerNode): Affine {
    const { layer } = norm;
    if (layer.kind !== 'batch-norm') {
      throw new TypeError('only a batch norm can be folded');
    }
    const [beta, mean, variance] = ['beta', 'mean', 'variance'].map((slot) => this.#value(norm, slot));
    const gamma = layer.fixGamma ? undefined : this.#value(norm, 'gamma');
    const factor = variance!.map((value, i) => (gamma?.[i] ?? 1) / Math.sqrt(value + layer.epsilon));
    return { factor, summand: beta!.map((value, i) => value - mean![i]! * factor[i]!) };
  }

  #value({ parameters }: LayerNode, slot: string): Float64Array {
    return Float64Array.from(toFloat32(this.#values.get(parameters[slot]!)!));
  }

  #biasOf(linear: LayerNode, outputs: number): Float64Array {
    return linear.parameters.bias === undefined ? new Float64Array(outputs) : this.#value(linear, 'bias');
  }

  /** The layer with a bias, and its new values. */
  #withValues(node: LayerNode, weight: Float64Array, bias: Float64Array): LayerNode {
    const names = {
      weight: node.parameters.weight!,
      bias: node.parameters.bias ?? `${node.name}_folded_bias`,
    };
    const { shape } = this.#values.get(names.weight)!;
    const store = (name: string, of: readonly number[], data: Float64Array): void => {
      this.#values.set(name, { name, shape: of, dtype: 'float32', data: Float32Array.from(data) });
    };
    store(names.weight, shape, weight);
    store(names.bias, [bias.length], bias);
    this.#uses.set(names.bias, 1);
    return { ...node, layer: { ...node.layer, bias: true } as LayerNode['layer'], parameters: names };
  }

  #replace(node: LayerNode, by: LayerNode | undefined): void {
    this.#nodes = this.#nodes.flatMap((other) => (other !== node ? [other] : by === undefined ? [] : [by]));
  }

  /** Whatever took the one value takes the other. */
  #rename(from: string, to: string): void {
    this.#nodes = this.#nodes.map((node) =>
      node.inputs.includes(from)
        ? { ...node, inputs: node.inputs.map((input) => (input === from ? to : input)) }
        : node,
    );
    this.#output = this.#output === from ? to : this.#output;
  }
}
