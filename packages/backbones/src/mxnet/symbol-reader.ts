/**
 * Reads an MXNet symbol (`PREFIX-symbol.json`) as a network. The names of parameters are those of the symbol's variables:
 * real checkpoints differ from each other, and from the code that is said to have made them, in a name or two.
 */
import { BackbonesError } from '../backbones-error.ts';
import type { LayerNode, NetworkGraph } from '../graph/network-graph.ts';
import { SymbolAttributes } from './symbol-attributes.ts';
import { parseSymbolJson, type SymbolEntry, type SymbolJson, type SymbolNode } from './symbol-json.ts';
import { type OperatorLayer, operators, type VariableShape } from './symbol-operators.ts';

/** Options of {@link readMxnetSymbol}. */
export interface SymbolOptions {
  /** Name of the graph. Default `mxnet`. */
  readonly name?: string | undefined;
  /** Height, width and channels of the images, which symbols don't state. Default 112, 112, 3. */
  readonly inputShape?: readonly [number, number, number] | undefined;
  /** Name of the variable that stands for the images. Default `data` if there is one, as in the reference, or else the first. */
  readonly input?: string | undefined;
  /** Name of the node whose value is the embedding. Default `fc1` if there is one, as in the reference, or else the head. */
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
  const nodes = needed
    .filter(({ operator }) => operator !== VARIABLE)
    .map((node) => readNode(node, symbol, input));
  return {
    name,
    input,
    inputShape,
    nodes,
    output: symbol.nodes[output]!.name,
    // What the reference starts ResNets and MobileFaceNets from; a symbol doesn't say.
    initializer: { distribution: 'gaussian', fan: 'out', magnitude: 2 },
  };
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
  const found = nodes.findIndex(
    ({ name, operator }) => name === (wanted ?? EMBEDDING) && operator !== VARIABLE,
  );
  if (found === -1 && wanted !== undefined) {
    throw new BackbonesError(
      'invalid-option',
      `MXNet symbol: there is no node ${JSON.stringify(wanted)} to take as output`,
    );
  }
  return found === -1 ? onlyOutput(heads[0]!, nodes) : found;
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
    throw attributes.fault('its inputs must be activations first, then parameters');
  }
  const { layer, slots } = operators.get(node.operator)!(attributes, variables.map(variableShape));
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
