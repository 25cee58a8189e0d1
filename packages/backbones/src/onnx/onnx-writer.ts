/**
 * Writes a network with its parameters as an ONNX model for inference: images in, embeddings out, any number at a time.
 *
 * Nodes and values are called what the network calls them, weights what its checkpoints call them. The input is NCHW, RGB,
 * 0..255, as `apply` takes it but for the order of the axes: whatever is subtracted and divided is in the graph. The
 * metadata says so (`arcface.input`).
 */
import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from 'onnx-format';
import type { Backbone } from '../backbone.ts';
import { foldBatchNorms } from '../graph/fold-batch-norms.ts';
import { type NetworkGraph, resolveGraph } from '../graph/network-graph.ts';
import { type NamedArray, toFloat32 } from '../named-array.ts';
import { exportParameters, matchParameters } from '../parameters/parameter-arrays.ts';
import { formatOnnxInput, INPUT_KEY } from './input-convention.ts';
import { addLayerOperators, dependsOnBatch, type OperatorSink } from './layer-operators.ts';

/** From ONNX 1.12 (2022) on; everything since reads it. */
const OPSET = 17;
const IR_VERSION = 8;
const OUTPUT = 'embedding';

/** A network and its values, wherever they are. */
export interface NetworkValues {
  readonly graph: NetworkGraph;
  /** All parameters, named as in a checkpoint; other arrays are passed over. */
  readonly parameters: Iterable<NamedArray>;
}

/** Options of {@link exportOnnx}. */
export interface OnnxExportOptions {
  /**
   * Fold batch norms into the weights beside them: fewer operators, the same embeddings up to rounding. ONNX Runtime does much
   * of it by itself; others may not. Default false: every parameter of the checkpoint is in the file, bit for bit.
   */
  readonly foldBatchNorms?: boolean | undefined;
}

/**
 * The model of a network in inference: running averages, no dropout. `serializeOnnxModel` of `onnx-format` makes bytes of it.
 *
 * The head GNAP weighs by the norms of the whole batch, and does so in the model, too; the metadata then has
 * `arcface.batch-dependent`.
 *
 * @param network a backbone (whose values are read synchronously from the backend), or a graph with arrays
 * @throws BackbonesError `unsupported` for a graph that adds values of different rank; `parameter-names` and
 *   `parameter-shape` as `importParameters`
 */
export function exportOnnx(network: Backbone | NetworkValues, options: OnnxExportOptions = {}): OnnxModel {
  const arrays = 'apply' in network ? exportParameters(network) : network.parameters;
  const wanted = [...resolveGraph(network.graph).parameters.values()];
  const matched = matchParameters(network.graph.name, wanted, arrays, { unknown: 'ignore' });
  const all = new Map([...matched].map(([{ name }, array]) => [name, { ...array, name }]));
  const { graph, values } = options.foldBatchNorms
    ? foldBatchNorms({ graph: network.graph, values: all })
    : { graph: network.graph, values: all };
  const resolved = resolveGraph(graph);
  const [height, width, channels] = graph.inputShape;

  const nodes: OnnxNode[] = [];
  const names = new OnnxNames([graph.input, ...graph.nodes.map(({ name }) => name)]);
  const output = names.unused(OUTPUT);
  const initializers = new Map<string, OnnxTensor>();
  const sink: OperatorSink = {
    values: (name) => toFloat32(values.get(name)!),
    constant: (tensor) => {
      const known = initializers.get(tensor.name);
      if (known !== undefined && isSame(known, tensor)) return tensor.name;
      const name = names.unused(tensor.name);
      initializers.set(name, { ...tensor, name });
      return name;
    },
    unusedName: (name) => names.unused(name),
    operator: ({ name, opType, inputs, attributes = {} }) => {
      nodes.push({ name, opType, domain: '', inputs, outputs: [name], attributes });
    },
  };
  /** What each node's value is called: dropout, for one, has none of its own. */
  const called = new Map([[graph.input, graph.input]]);
  for (const layer of resolved.nodes) {
    const inputs = layer.node.inputs.map((input) => called.get(input)!);
    called.set(layer.node.name, addLayerOperators(layer, inputs, layer.node.name, sink));
  }
  const last = resolved.nodes.find(({ node }) => node.name === graph.output);
  const flat = (last?.outputShape ?? graph.inputShape).length === 1;
  nodes.push({
    name: output,
    opType: flat ? 'Identity' : 'Flatten',
    domain: '',
    inputs: [called.get(graph.output)!],
    outputs: [output],
    attributes: flat ? {} : { axis: 1 },
  });

  const image: OnnxValue = {
    name: graph.input,
    elementType: 'float32',
    shape: ['batch', channels, height, width],
  };
  const embedding: OnnxValue = {
    name: output,
    elementType: 'float32',
    shape: ['batch', resolved.embeddingSize],
  };
  return {
    irVersion: IR_VERSION,
    opsets: new Map([['', OPSET]]),
    producerName: '@arcface/backbones',
    docString: `${graph.name}: ${graph.input} is RGB images of 0..255, NCHW; ${output} is not normalised`,
    metadata: new Map([
      ['arcface.network', graph.name],
      [INPUT_KEY, formatOnnxInput({ layout: 'NCHW', channels: 'RGB', mean: [0, 0, 0], std: [1, 1, 1] })],
      ...(graph.nodes.some(({ layer }) => dependsOnBatch(layer))
        ? [['arcface.batch-dependent', 'true'] as const]
        : []),
    ]),
    graph: {
      name: graph.name,
      nodes,
      initializers: [...initializers.values()],
      inputs: [image],
      outputs: [embedding],
    },
  };
}

/**
 * All names of a graph: values and constants share them in ONNX, but not in the networks that come here. Those that are
 * given at the start belong to values.
 */
class OnnxNames {
  readonly #taken: Set<string>;
  readonly #numbers = new Map<string, number>();

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken);
  }

  /** Takes a name, with a number behind it if it is taken already. */
  unused(name: string): string {
    let unused = name;
    while (this.#taken.has(unused)) {
      const number = this.#numbers.get(name) ?? 1;
      this.#numbers.set(name, number + 1);
      unused = `${name}_${number}`;
    }
    this.#taken.add(unused);
    return unused;
  }
}

/** Whether two layers that share a parameter need the same constant of it. */
function isSame(a: OnnxTensor, b: OnnxTensor): boolean {
  const fits = a.dims.join() === b.dims.join() && a.bytes.length === b.bytes.length;
  return fits && a.bytes.every((byte, i) => byte === b.bytes[i]);
}
