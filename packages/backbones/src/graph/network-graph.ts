/**
 * A network as data: layers with names, in an order in which they can be computed, each naming its inputs. It is fit for
 * JSON, so a checkpoint can hold the network it is for. Presets make graphs, an MXNet symbol is read into one; shapes,
 * parameters, costs and embeddings all come from walking it.
 */
import { BackbonesError, type BackbonesErrorCode } from '../backbones-error.ts';
import type { ParameterRule, Shape } from '../layers/layer.ts';
import { type Layer, rulesOf } from '../layers/layer-table.ts';

/** A layer in its place. */
export interface LayerNode {
  /** The reference's name of the node. */
  readonly name: string;
  readonly layer: Layer;
  /** Names of earlier nodes, or of the graph's input. */
  readonly inputs: readonly string[];
  /** For each slot of the layer, the reference's name of the parameter in it. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** A distribution of weights as Xavier's initialiser has it: its deviation or bound is `sqrt(magnitude / fan)`. */
export interface WeightDistribution {
  readonly distribution: 'gaussian' | 'uniform';
  /** Inputs or outputs of a value (times the window of a convolution); `none` stands for 1. */
  readonly fan: 'in' | 'out' | 'none';
  readonly magnitude: number;
}

/** How weights start. */
export interface WeightInitializer extends WeightDistribution {
  /** For fully connected layers, if they start otherwise. */
  readonly fullyConnected?: WeightDistribution;
}

export interface NetworkGraph {
  readonly name: string;
  /** Name of the images among the inputs of nodes. */
  readonly input: string;
  /** Height, width, channels of an image. */
  readonly inputShape: readonly [number, number, number];
  readonly nodes: readonly LayerNode[];
  /** Name of the node whose value is the embedding. */
  readonly output: string;
  readonly initializer: WeightInitializer;
}

/** A parameter of a network: the rule of the layer that has it, and its name. */
export interface GraphParameter extends ParameterRule {
  readonly name: string;
}

/** A node with everything that follows from the size of the images. */
export interface ResolvedNode {
  readonly node: LayerNode;
  readonly inputShapes: readonly Shape[];
  readonly outputShape: Shape;
  readonly parameters: readonly GraphParameter[];
}

/** A graph whose layers were found to fit together. */
export interface ResolvedGraph {
  readonly graph: NetworkGraph;
  readonly nodes: readonly ResolvedNode[];
  /** Arguments, then auxiliary states, both in the reference's order; shared ones once. */
  readonly parameters: ReadonlyMap<string, GraphParameter>;
  readonly embeddingSize: number;
}

/**
 * Walks the graph once: checks it, and finds all shapes and parameters.
 *
 * @throws BackbonesError `invalid-graph` naming the node that doesn't fit, `unsupported` one that is not computed here
 */
export function resolveGraph(graph: NetworkGraph): ResolvedGraph {
  const shapes = new Map<string, Shape>([[graph.input, graph.inputShape]]);
  const parameters = new Map<string, GraphParameter>();
  const nodes = graph.nodes.map((node) => {
    if (shapes.has(node.name)) {
      throw atNode(node, 'its name is there twice');
    }
    const inputShapes = node.inputs.map((input) => {
      const shape = shapes.get(input);
      if (shape === undefined) {
        throw atNode(node, `its input ${JSON.stringify(input)} is not an earlier node`);
      }
      return shape;
    });
    const resolved = resolveNode(node, inputShapes);
    for (const parameter of resolved.parameters) {
      addParameter(parameters, parameter, node);
    }
    shapes.set(node.name, resolved.outputShape);
    return resolved;
  });
  const output = shapes.get(graph.output);
  if (output === undefined) {
    throw new BackbonesError(
      'invalid-graph',
      `network ${graph.name} has no node ${JSON.stringify(graph.output)}`,
    );
  }
  return {
    graph,
    nodes,
    parameters: argumentsFirst(parameters),
    embeddingSize: output.reduce((product, size) => product * size, 1),
  };
}

function resolveNode(node: LayerNode, inputShapes: readonly Shape[]): ResolvedNode {
  try {
    const rules = rulesOf(node.layer);
    const parameters = (rules.parameters?.(node.layer, inputShapes) ?? []).map((rule) => {
      const name = node.parameters[rule.slot];
      if (name === undefined) {
        throw new BackbonesError('invalid-graph', `no parameter is named for its ${rule.slot}`);
      }
      return { ...rule, name };
    });
    return { node, inputShapes, outputShape: rules.outputShape(node.layer, inputShapes), parameters };
  } catch (error) {
    throw error instanceof BackbonesError ? atNode(node, error.message, error.code) : error;
  }
}

function addParameter(
  parameters: Map<string, GraphParameter>,
  parameter: GraphParameter,
  node: LayerNode,
): void {
  const known = parameters.get(parameter.name);
  if (known === undefined) {
    parameters.set(parameter.name, parameter);
  } else if (
    known.shape.join() !== parameter.shape.join() ||
    JSON.stringify(known.layout) !== JSON.stringify(parameter.layout)
  ) {
    throw atNode(
      node,
      `it shares ${parameter.name} with another layer, which needs the shape [${known.shape}] instead of [${parameter.shape}]`,
    );
  } else if (known.fixed && !parameter.fixed) {
    // One layer uses 1 instead, another one what is stored.
    parameters.set(parameter.name, { ...known, fixed: false });
  }
}

function argumentsFirst(parameters: ReadonlyMap<string, GraphParameter>): Map<string, GraphParameter> {
  const entries = [...parameters];
  return new Map([
    ...entries.filter(([, { role }]) => role === 'argument'),
    ...entries.filter(([, { role }]) => role === 'auxiliary'),
  ]);
}

function atNode(
  { name, layer }: LayerNode,
  message: string,
  code: BackbonesErrorCode = 'invalid-graph',
): BackbonesError {
  return new BackbonesError(code, `${layer.kind} layer ${JSON.stringify(name)}: ${message}`);
}
