/**
 * Reads an MXNet symbol (`PREFIX-symbol.json`) as a network. The names of parameters are those of the symbol's variables:
 * real checkpoints differ from each other, and from the code that is said to have made them, in a name or two.
 */
import { BackbonesError } from '../backbones-error.ts';
import { type LayerNode, type NetworkGraph, resolveGraph } from '../graph/network-graph.ts';
import { nearestNames } from '../nearest-names.ts';
import { SymbolAttributes } from './symbol-attributes.ts';
import { parseSymbolJson, type SymbolEntry, type SymbolJson, type SymbolNode } from './symbol-json.ts';
import { isMatrixOfLastAxis, type OperatorLayer, operators, type VariableShape } from './symbol-operators.ts';

/** Options of {@link readMxnetSymbol}. */
export interface SymbolOptions {
  /** Name of the graph. Default `mxnet`. */
  readonly name?: string | undefined;
  /** Height, width and channels of the images, which symbols don't state. Default 112, 112, 3. */
  readonly inputShape?: readonly [number, number, number] | undefined;
  /** Name of the variable that stands for the images. Default `data` if there is one, as in the reference, or else the first. */
  readonly input?: string | undefined;
  /**
   * Name of the node whose value is the embedding, with or without the `_output` that MXNet puts to it. Default `fc1` if
   * there is one, as in the reference, or else the head.
   */
  readonly output?: string | undefined;
}

const VARIABLE = 'null';
const EMBEDDING = 'fc1';
const IMAGES = 'data';

/**
 * @param json the text of the file
 * @throws BackbonesError `invalid-file` for a damaged symbol; `unsupported` listing operators that have no layer here
 */
export function readMxnetSymbol(json: string, options: SymbolOptions = {}): NetworkGraph {
  const { name = 'mxnet', inputShape = [112, 112, 3] } = options;
  const symbol = parseSymbolJson(json);
  const output = findOutput(symbol, options.output);
  const needed = ancestors(symbol, output).map((index) => symbol.nodes[index]!);
  refuseUnknown(needed);
  const input = findInput(needed, options.input);
  const operations = needed.filter(({ operator }) => operator !== VARIABLE);
  const graph: NetworkGraph = {
    name,
    input,
    inputShape,
    nodes: operations.flatMap((node) => inPairs(readNode(node, symbol, input))),
    output: symbol.nodes[output]!.name,
    // What the reference starts ResNets and MobileFaceNets from; a symbol doesn't say.
    initializer: { distribution: 'gaussian', fan: 'out', magnitude: 2 },
  };
  refuseMatricesOverMaps(graph, operations);
  return graph;
}

/** A sum of many (`add_n`) as sums of two, of which the last has its name. */
function inPairs(node: LayerNode): LayerNode[] {
  const { layer, inputs } = node;
  if (layer.kind !== 'add' || inputs.length === 2) return [node];
  if (inputs.length === 1) return [{ ...node, layer: { kind: 'identity' } }];
  const sumOf = (count: number): string => (count === inputs.length ? node.name : `${node.name}_of_${count}`);
  return inputs.slice(1).map((input, i) => ({
    ...node,
    name: sumOf(i + 2),
    inputs: [i === 0 ? inputs[0]! : sumOf(i + 1), input],
  }));
}

/**
 * With `flatten=False` a matrix is for the last axis. Of a row of channels that is all there is; of a map it would be the width.
 */
function refuseMatricesOverMaps(graph: NetworkGraph, operations: readonly SymbolNode[]): void {
  const kept = operations.filter((node) => isMatrixOfLastAxis(node));
  if (kept.length === 0) return;
  const shapes = new Map(
    resolveGraph(graph).nodes.map(({ node, inputShapes }) => [node.name, inputShapes[0]]),
  );
  const overMap = kept.find(({ name }) => shapes.get(name)?.length !== 1);
  if (overMap !== undefined) {
    throw new SymbolAttributes(overMap).unsupported('a map that is not flattened');
  }
}

/** MXNet writes what an operator computes with before it, and images before parameters: they are the first variable. */
function findInput(needed: readonly SymbolNode[], wanted: string | undefined): string {
  const variables = needed.filter(({ operator }) => operator === VARIABLE).map(({ name }) => name);
  if (wanted === undefined) return variables.includes(IMAGES) ? IMAGES : (variables[0] ?? IMAGES);
  if (variables.includes(wanted)) return wanted;
  throw new BackbonesError(
    'invalid-option',
    `MXNet symbol: there is no variable ${JSON.stringify(wanted)} to take as input; the first is ${JSON.stringify(variables[0])}`,
  );
}

function findOutput({ nodes, heads }: SymbolJson, wanted: string | undefined): number {
  const names = nodes.map(({ name, operator }) => (operator === VARIABLE ? undefined : name));
  if (wanted === undefined) {
    const found = names.indexOf(EMBEDDING);
    return found === -1 ? onlyOutput(heads[0]!, nodes) : found;
  }
  const found = [wanted, wanted.replace(/_output$/, '')]
    .map((name) => names.indexOf(name))
    .find((index) => index !== -1);
  if (found === undefined) {
    const there = names.filter((name) => name !== undefined);
    const near = nearestNames(wanted, there).map((name) => JSON.stringify(name));
    throw new BackbonesError(
      'invalid-option',
      `MXNet symbol: there is no node ${JSON.stringify(wanted)} to take as output; the nearest are ${near.join(', ')}, the last is ${JSON.stringify(there.at(-1))}`,
    );
  }
  return found;
}

/** The node of an entry. What else it may put out (the statistics of a batch, a mask) is no value of any layer here. */
function onlyOutput({ node, output }: SymbolEntry, nodes: readonly SymbolNode[]): number {
  if (output === 0) return node;
  throw new SymbolAttributes(nodes[node]!).unsupported(`its output number ${output}`, 'is read for');
}

/** Everything a node needs and itself, in the order of the file: inputs come before those that use them. */
function ancestors({ nodes }: SymbolJson, output: number): number[] {
  const needed = new Set([output]);
  for (let index = output; index >= 0; index--) {
    if (needed.has(index)) {
      for (const { node } of nodes[index]!.inputs) {
        needed.add(node);
      }
    }
  }
  return [...needed].sort((a, b) => a - b);
}

function refuseUnknown(nodes: readonly SymbolNode[]): void {
  const unknown = new Map(
    nodes
      .filter(({ operator }) => operator !== VARIABLE && !operators.has(operator))
      .map(({ operator, name }) => [operator, name]),
  );
  if (unknown.size > 0) {
    const list = [...unknown].map(([operator, name]) => `${operator} (as in ${name})`).join(', ');
    throw new BackbonesError('unsupported', `MXNet symbol: there are no layers for the operators ${list}`);
  }
}

function readNode(node: SymbolNode, { nodes }: SymbolJson, input: string): LayerNode {
  const inputs = node.inputs.map((entry) => nodes[onlyOutput(entry, nodes)]!);
  const isParameter = ({ operator, name }: SymbolNode): boolean => operator === VARIABLE && name !== input;
  const firstParameter = inputs.findIndex(isParameter);
  const activations = firstParameter === -1 ? inputs : inputs.slice(0, firstParameter);
  const variables = inputs.slice(activations.length);
  const attributes = new SymbolAttributes(node);
  if (activations.length === 0 || !variables.every(isParameter)) {
    const names = inputs.filter(isParameter).map(({ name }) => name);
    throw attributes.unsupported(
      names.length === 0 ? 'no input' : `the array ${names.join(', ')} ahead of values`,
    );
  }
  const { layer, slots } = operators.get(node.operator)!(attributes, variables.map(variableShape));
  if (slots.length === 0 && variables.length > 0) {
    throw attributes.unsupported(`the array ${variables.map(({ name }) => name).join(', ')} beside values`);
  }
  return {
    name: node.name,
    layer,
    inputs: activations.map(({ name }) => name),
    parameters: nameParameters(node, slots, variables, attributes),
  };
}

function nameParameters(
  node: SymbolNode,
  slots: OperatorLayer['slots'],
  variables: readonly SymbolNode[],
  attributes: SymbolAttributes,
): Record<string, string> {
  const names = variables.map(({ name }) => name);
  // Before MXNet 0.9 a batch norm's auxiliary states were not among its inputs.
  const implied =
    slots.includes('mean') && names.length === 2
      ? [`${node.name}_moving_mean`, `${node.name}_moving_var`]
      : [];
  const all = [...names, ...implied];
  if (all.length !== slots.length) {
    throw attributes.fault(
      `expected ${slots.length} parameters (${slots.join(', ')}), found ${names.length}`,
    );
  }
  return Object.fromEntries(slots.map((slot, i) => [slot, all[i]!]));
}

function variableShape(node: SymbolNode): VariableShape {
  if (!node.attributes.has('__shape__')) {
    return { shape: undefined };
  }
  const shape = new SymbolAttributes(node).integers('__shape__', { minimum: -1 });
  // Zero (and -1 in newer versions) means that a size is to be inferred.
  return { shape: shape.some((size) => size <= 0) ? undefined : shape };
}
