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
  const folding = new Folding(withoutDropouts(graph), values);
  folding.foldForwards();
  folding.foldBackwards();
  return folding.result();
}

function withoutDropouts(graph: NetworkGraph): NetworkGraph {
  /** What takes the place of each dropout's value: no dropout's, as inputs come first. */
  const replaced = new Map<string, string>();
  const current = (name: string): string => replaced.get(name) ?? name;
  const nodes = graph.nodes.flatMap((node) => {
    const inputs = node.inputs.map(current);
    if (node.layer.kind !== 'dropout') return [{ ...node, inputs }];
    replaced.set(node.name, inputs[0]!);
    return [];
  });
  return { ...graph, nodes, output: current(graph.output) };
}

/**
 * A graph that is changed in place, in time that grows with its nodes: hostile files have many. A node's place stays its own,
 * whatever it is called; a node that is folded leaves its place empty.
 */
class Folding {
  readonly #graph: NetworkGraph;
  readonly #values: Map<string, NamedArray>;
  readonly #nodes: (LayerNode | undefined)[];
  /** Where the node is that gives a value. */
  readonly #places = new Map<string, number>();
  /** Where the nodes are that take a value. */
  readonly #readers = new Map<string, Set<number>>();
  /** How many slots a parameter is in. */
  readonly #uses = new Map<string, number>();

  constructor(graph: NetworkGraph, values: ReadonlyMap<string, NamedArray>) {
    this.#graph = graph;
    this.#nodes = [...graph.nodes];
    this.#values = new Map(values);
    graph.nodes.forEach(({ name, inputs, parameters }, place) => {
      this.#places.set(name, place);
      for (const input of inputs) this.#readersOf(input).add(place);
      for (const parameter of Object.values(parameters)) {
        this.#uses.set(parameter, (this.#uses.get(parameter) ?? 0) + 1);
      }
    });
  }

  result(): GraphWithValues {
    const nodes = this.#nodes.filter((node) => node !== undefined);
    const used = new Set(nodes.flatMap(({ parameters }) => Object.values(parameters)));
    return {
      graph: { ...this.#graph, nodes },
      values: new Map([...this.#values].filter(([name]) => used.has(name))),
    };
  }

  /** The batch norms behind each layer into it. It takes the name of the last: the embedding's may be among them. */
  foldForwards(): void {
    this.#nodes.forEach((linear, place) => {
      if (linear === undefined || !this.#isOwnLinear(linear)) return;
      let { name } = linear;
      let affine: Affine | undefined;
      for (let norm = this.#normBehind(name); norm !== undefined; norm = this.#normBehind(name)) {
        affine = composed(affine, this.#affineOf(norm));
        this.#remove(norm);
        name = norm.name;
      }
      if (affine === undefined) return;
      const { factor, summand } = affine;
      const weight = this.#value(linear, 'weight');
      const perOutput = weight.length / factor.length;
      const bias = this.#biasOf(linear, factor.length);
      this.#places.delete(linear.name);
      this.#places.set(name, place);
      this.#nodes[place] = this.#withValues(
        { ...linear, name },
        weight.map((value, i) => value * factor[Math.floor(i / perOutput)]!),
        bias.map((value, i) => value * factor[i]! + summand[i]!),
      );
    });
  }

  /** The batch norms ahead of each fully connected layer into it. */
  foldBackwards(): void {
    this.#nodes.forEach((linear, place) => {
      if (linear?.layer.kind !== 'fully-connected' || !this.#isOwnLinear(linear)) return;
      let input = linear.inputs[0]!;
      let affine: Affine | undefined;
      for (let norm = this.#normAhead(input); norm !== undefined; norm = this.#normAhead(input)) {
        affine = composed(this.#affineOf(norm), affine);
        this.#remove(norm);
        input = norm.inputs[0]!;
        this.#readersOf(input).add(place);
      }
      if (affine === undefined) return;
      const { factor, summand } = affine;
      const weight = this.#value(linear, 'weight');
      const { outputs } = linear.layer;
      const inputs = weight.length / outputs;
      // An image is flattened channel by channel.
      const perChannel = inputs / factor.length;
      const channel = (i: number): number => Math.floor((i % inputs) / perChannel);
      const bias = this.#biasOf(linear, outputs);
      weight.forEach((value, i) => {
        bias[Math.floor(i / inputs)]! += value * summand[channel(i)]!;
      });
      this.#nodes[place] = this.#withValues(
        { ...linear, inputs: [input] },
        weight.map((value, i) => value * factor[channel(i)]!),
        bias,
      );
    });
  }

  /** The batch norm that is all that takes a value. */
  #normBehind(name: string): LayerNode | undefined {
    const readers = this.#readersOf(name);
    if (readers.size !== 1 || name === this.#graph.output) return undefined;
    const [place] = readers;
    const reader = this.#nodes[place!];
    return reader?.layer.kind === 'batch-norm' ? reader : undefined;
  }

  /** The batch norm that gives a value, if only one node takes it. */
  #normAhead(name: string): LayerNode | undefined {
    if (this.#readersOf(name).size !== 1 || name === this.#graph.output) return undefined;
    const node = this.#nodes[this.#places.get(name) ?? -1];
    return node?.layer.kind === 'batch-norm' ? node : undefined;
  }

  /** Whether a layer is a matrix or a convolution whose weights no other layer uses. */
  #isOwnLinear({ layer, parameters }: LayerNode): boolean {
    const isLinear = layer.kind === 'convolution' || layer.kind === 'fully-connected';
    return isLinear && Object.values(parameters).every((name) => this.#uses.get(name) === 1);
  }

  #readersOf(name: string): Set<number> {
    let readers = this.#readers.get(name);
    if (readers === undefined) {
      readers = new Set();
      this.#readers.set(name, readers);
    }
    return readers;
  }

  #remove({ name, inputs }: LayerNode): void {
    const place = this.#places.get(name)!;
    for (const input of inputs) this.#readersOf(input).delete(place);
    this.#places.delete(name);
    this.#nodes[place] = undefined;
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
      bias: node.parameters.bias ?? this.#unusedName(`${node.name}_folded_bias`),
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

  #unusedName(name: string): string {
    return this.#uses.has(name) ? this.#unusedName(`${name}_`) : name;
  }
}

/** One behind the other. */
function composed(first: Affine | undefined, second: Affine | undefined): Affine {
  if (first === undefined || second === undefined) return (first ?? second)!;
  return {
    factor: first.factor.map((value, i) => value * second.factor[i]!),
    summand: first.summand.map((value, i) => value * second.factor[i]! + second.summand[i]!),
  };
}
