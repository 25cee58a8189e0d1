/**
 * A network from JSON that nobody vouches for, such as a checkpoint's: every field is looked at before it is believed.
 * Whether the layers fit together is found later, when the graph is resolved.
 */
import { BackbonesError } from '../backbones-error.ts';
import { ACTIVATIONS } from '../layers/activation.ts';
import type { Layer } from '../layers/layer-table.ts';
import type { LayerNode, NetworkGraph } from './network-graph.ts';

/** What a field must be; `expected` completes "must be". */
interface Check {
  readonly expected: string;
  test(value: unknown): boolean;
}

type Fields = Readonly<Record<string, Check>>;

/** Above any real network's sizes; keeps sums and products exact. */
const LARGEST = 2 ** 31 - 1;

const isInteger = (value: unknown, minimum: number): boolean =>
  Number.isInteger(value) && (value as number) >= minimum && (value as number) <= LARGEST;

const integer = (minimum: number): Check => ({
  expected: `an integer from ${minimum} on`,
  test: (value) => isInteger(value, minimum),
});

const integers = (count: number, minimum: number): Check => ({
  expected: `${count} integers from ${minimum} on`,
  test: (value) =>
    Array.isArray(value) && value.length === count && value.every((side) => isInteger(side, minimum)),
});

const oneOf = (values: readonly string[]): Check => ({
  expected: `one of ${values.join(', ')}`,
  test: (value) => values.includes(value as string),
});

const number: Check = { expected: 'a number', test: (value) => Number.isFinite(value) };
const text: Check = { expected: 'text', test: (value) => typeof value === 'string' };
const flag: Check = { expected: 'true or false', test: (value) => typeof value === 'boolean' };
const share: Check = {
  expected: 'a number from 0 to below 1',
  test: (value) => typeof value === 'number' && value >= 0 && value < 1,
};
const texts: Check = {
  expected: 'an array of texts',
  test: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
};
const named: Check = {
  expected: 'an object of texts',
  test: (value) => isObject(value) && Object.values(value).every((item) => typeof item === 'string'),
};
const object: Check = { expected: 'an object', test: isObject };
const array: Check = { expected: 'an array', test: (value) => Array.isArray(value) };

/** A field that may be missing. */
const optional = ({ expected, test }: Check): Check => ({
  expected,
  test: (value) => value === undefined || test(value),
});

const LAYERS: Readonly<Record<Layer['kind'], Fields>> = {
  activation: { function: oneOf(Object.keys(ACTIVATIONS)), slope: optional(number) },
  add: {},
  'batch-norm': {
    epsilon: number,
    momentum: number,
    fixGamma: flag,
    globalStatistics: flag,
    frozenGamma: optional(flag),
    unbiasedVariance: optional(flag),
  },
  concatenate: {},
  convolution: {
    filters: integer(1),
    kernel: integers(2, 1),
    stride: integers(2, 1),
    padding: integers(2, 0),
    dilation: integers(2, 1),
    groups: integer(1),
    bias: flag,
  },
  divide: {},
  dropout: { rate: share },
  flatten: {},
  'fully-connected': { outputs: integer(1), bias: flag },
  identity: {},
  'mean-of-batch': {},
  multiply: {},
  pooling: {
    method: oneOf(['average', 'maximum']),
    global: flag,
    kernel: integers(2, 1),
    stride: integers(2, 1),
    padding: integers(2, 0),
    countPadding: flag,
    roundUp: optional(flag),
  },
  prelu: { shared: flag },
  'repeat-channels': { times: integer(1) },
  scale: { offset: number, factor: number },
  'square-root': {},
  'sum-channels': {},
};

const GRAPH: Fields = {
  name: text,
  input: text,
  inputShape: integers(3, 1),
  nodes: array,
  output: text,
  initializer: object,
};
const DISTRIBUTION: Fields = {
  distribution: oneOf(['gaussian', 'uniform']),
  fan: oneOf(['in', 'out', 'none']),
  magnitude: number,
};
const INITIALIZER: Fields = { ...DISTRIBUTION, fullyConnected: optional(object) };
const NODE: Fields = { name: text, layer: object, inputs: texts, parameters: named };

/**
 * @param value what `JSON.parse` made of a graph
 * @throws BackbonesError `invalid-graph` naming the field that is not as it must be
 */
export function parseNetworkGraph(value: unknown): NetworkGraph {
  check('network', value, GRAPH);
  const graph = value as NetworkGraph;
  check('initializer', graph.initializer, INITIALIZER);
  if (graph.initializer.fullyConnected !== undefined) {
    check('initializer of fully connected layers', graph.initializer.fullyConnected, DISTRIBUTION);
  }
  graph.nodes.forEach((node: LayerNode, index) => {
    check(`node ${index}`, node, NODE);
    const what = `layer ${JSON.stringify(node.name)}`;
    check(what, node.layer, { kind: oneOf(Object.keys(LAYERS)) });
    check(what, node.layer, LAYERS[node.layer.kind]);
  });
  return graph;
}

function check(what: string, value: unknown, fields: Fields): void {
  if (!isObject(value)) {
    throw new BackbonesError('invalid-graph', `${what} must be an object, found ${JSON.stringify(value)}`);
  }
  for (const [field, { expected, test }] of Object.entries(fields)) {
    const found = Object.hasOwn(value, field) ? value[field] : undefined;
    if (!test(found)) {
      throw new BackbonesError(
        'invalid-graph',
        `${what}: ${field} must be ${expected}, found ${JSON.stringify(found)?.slice(0, 80)}`,
      );
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
