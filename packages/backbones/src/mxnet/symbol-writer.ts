/**
 * Writes a network as an MXNet symbol: with a `.params` file beside it, the checkpoint opens in MXNet. It is what
 * `symbol-reader.ts` reads, turned round: each layer becomes an operator behind variables for its parameters.
 */
import { BackbonesError } from '../backbones-error.ts';
import { type NetworkGraph, type ResolvedNode, resolveGraph } from '../graph/network-graph.ts';
import { type ActivationLayer, LEAKY_SLOPE } from '../layers/activation.ts';
import type { Shape } from '../layers/layer.ts';
import type { Layer } from '../layers/layer-table.ts';

interface JsonNode {
  op: string;
  name: string;
  attrs?: Record<string, string>;
  /** Node, output, and 1 for auxiliary states, which the operator changes. */
  inputs: [number, number, number][];
}

interface Operator {
  readonly op: string;
  readonly attrs?: Readonly<Record<string, string | number | boolean | readonly number[]>>;
}

/** Version of MXNet whose format this is. */
const MXNET_VERSION = 10901;

/**
 * The text of a `PREFIX-symbol.json` that MXNet 1.9 loads.
 *
 * @throws BackbonesError `invalid-graph` if the layers don't fit together
 */
export function serializeMxnetSymbol(graph: NetworkGraph): string {
  const nodes: JsonNode[] = [];
  const indices = new Map<string, number>();
  const add = (node: JsonNode): void => {
    indices.set(node.name, nodes.push(node) - 1);
  };
  const variable = (name: string, attrs?: Record<string, string>): void => {
    if (!indices.has(name)) {
      add({ op: 'null', name, ...(attrs === undefined ? {} : { attrs }), inputs: [] });
    }
  };
  variable(graph.input);
  for (const resolved of resolveGraph(graph).nodes) {
    const { node, parameters } = resolved;
    const shared = node.layer.kind === 'prelu' && node.layer.shared;
    for (const { name } of parameters) {
      // MXNet would infer a slope a channel.
      variable(name, shared ? { __shape__: '(1,)' } : undefined);
    }
    const inputs: JsonNode['inputs'] = [
      ...node.inputs.map((name): [number, number, number] => [indices.get(name)!, 0, 0]),
      ...parameters.map(({ name, role }): [number, number, number] => [
        indices.get(name)!,
        0,
        role === 'auxiliary' ? 1 : 0,
      ]),
    ];
    const { op, attrs } = operatorOf(resolved);
    add({ op, name: node.name, ...(attrs === undefined ? {} : { attrs: written(attrs) }), inputs });
  }
  return `${JSON.stringify(
    {
      nodes,
      arg_nodes: nodes.flatMap(({ op }, index) => (op === 'null' ? [index] : [])),
      node_row_ptr: rowPointers(nodes),
      heads: [[indices.get(graph.output)!, 0, 0]],
      attrs: { mxnet_version: ['int', MXNET_VERSION] },
    },
    undefined,
    2,
  )}\n`;
}

/** Where each node's outputs start in the list of all outputs. */
function rowPointers(nodes: readonly JsonNode[]): number[] {
  const pointers = [0];
  for (const node of nodes) {
    pointers.push(pointers.at(-1)! + outputCount(node));
  }
  return pointers;
}

/** Some operators have outputs for their own backward pass besides the one that is used. */
function outputCount({ op, attrs }: JsonNode): number {
  switch (op) {
    case 'BatchNorm':
      return 3;
    case 'Dropout':
      return 2;
    case 'Pooling':
      return attrs?.pool_type === 'max' ? 2 : 1;
    default:
      return 1;
  }
}

/** Attributes as Python prints them. */
function written(attrs: NonNullable<Operator['attrs']>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attrs).map(([key, value]) => {
      if (typeof value === 'boolean') {
        return [key, value ? 'True' : 'False'];
      }
      if (typeof value === 'number') {
        return [key, pythonNumber(value)];
      }
      return [key, typeof value === 'object' ? `(${value.join(', ')})` : value];
    }),
  );
}

/** Python turns to exponents of two digits at 1e-5, JavaScript to shorter ones later. */
function pythonNumber(value: number): string {
  return value !== 0 && Math.abs(value) < 1e-4
    ? value.toExponential().replace(/e-(\d)$/, 'e-0$1')
    : String(value);
}

function operatorOf({ node, inputShapes, outputShape }: ResolvedNode): Operator {
  const { layer } = node;
  switch (layer.kind) {
    case 'scale':
      return scale(layer, node.name);
    case 'identity':
      return { op: '_copy' };
    case 'convolution':
      return {
        op: 'Convolution',
        attrs: {
          ...(layer.dilation.some((step) => step !== 1) ? { dilate: layer.dilation } : {}),
          kernel: layer.kernel,
          no_bias: !layer.bias,
          num_filter: layer.filters,
          num_group: layer.groups,
          pad: layer.padding,
          stride: layer.stride,
        },
      };
    case 'batch-norm':
      return {
        op: 'BatchNorm',
        attrs: {
          eps: layer.epsilon,
          fix_gamma: layer.fixGamma,
          momentum: layer.momentum,
          use_global_stats: layer.globalStatistics,
        },
      };
    case 'prelu':
      return { op: 'LeakyReLU', attrs: { act_type: 'prelu' } };
    case 'activation':
      return activation(layer);
    case 'fully-connected':
      return { op: 'FullyConnected', attrs: { no_bias: !layer.bias, num_hidden: layer.outputs } };
    case 'pooling': {
      const pool_type = layer.method === 'average' ? 'avg' : 'max';
      // A kernel is asked for even where it makes no difference.
      const kernel = layer.global ? inputShapes[0]!.slice(0, 2) : layer.kernel;
      const window = {
        ...{ pad: layer.padding, stride: layer.stride, count_include_pad: layer.countPadding },
        ...(layer.roundUp ? { pooling_convention: 'full' } : {}),
      };
      return {
        op: 'Pooling',
        attrs: { global_pool: layer.global, kernel, pool_type, ...(layer.global ? {} : window) },
      };
    }
    case 'dropout':
      return { op: 'Dropout', attrs: { p: layer.rate } };
    case 'flatten':
      return { op: 'Flatten' };
    case 'concatenate':
      return { op: 'Concat', attrs: { dim: 1, num_args: node.inputs.length } };
    case 'add':
    case 'multiply':
    case 'divide':
      return { op: arithmetic(layer.kind, inputShapes) };
    case 'square-root':
      return { op: 'sqrt' };
    case 'sum-channels':
      return { op: 'sum', attrs: { axis: 1, keepdims: true } };
    case 'mean-of-batch':
      return { op: 'mean' };
    case 'repeat-channels':
      return { op: 'tile', attrs: { reps: [1, layer.times, ...outputShape.slice(0, -1).map(() => 1)] } };
  }
}

function arithmetic(kind: 'add' | 'multiply' | 'divide', [a, b]: readonly Shape[]): string {
  const suffix = { add: 'add', multiply: 'mul', divide: 'div' }[kind];
  return `${a!.join() === b!.join() ? 'elemwise' : 'broadcast'}_${suffix}`;
}

function scale({ offset, factor }: Extract<Layer, { kind: 'scale' }>, name: string): Operator {
  if (offset !== 0 && factor !== 1) {
    throw new BackbonesError(
      'unsupported',
      `MXNet symbol: ${name} shifts and scales at once; make two layers of it`,
    );
  }
  return factor === 1
    ? { op: '_minus_scalar', attrs: { scalar: offset } }
    : { op: '_mul_scalar', attrs: { scalar: factor } };
}

function activation({ function: name, slope }: ActivationLayer): Operator {
  switch (name) {
    case 'leaky':
      return { op: 'LeakyReLU', attrs: { act_type: name, slope: slope ?? LEAKY_SLOPE } };
    case 'elu':
      return { op: 'LeakyReLU', attrs: { act_type: name, slope: slope ?? 1 } };
    case 'selu':
      return { op: 'LeakyReLU', attrs: { act_type: name } };
    case 'relu6':
      return { op: 'clip', attrs: { a_max: 6, a_min: 0 } };
    default:
      return { op: 'Activation', attrs: { act_type: name } };
  }
}
