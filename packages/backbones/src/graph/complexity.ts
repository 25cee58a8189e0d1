/** What a network costs, found by walking its graph: parameters, and operations for one image. */
import { rulesOf } from '../layers/layer-table.ts';
import { elementCount } from '../named-array.ts';
import { type NetworkGraph, type ResolvedGraph, resolveGraph } from './network-graph.ts';

/** One line of a table of layers. */
export interface LayerComplexity {
  readonly name: string;
  readonly kind: string;
  /** Channels last, without the batch. */
  readonly outputShape: readonly number[];
  readonly parameters: number;
  readonly flops: number;
}

export interface Complexity {
  /** Number of trained values, fixed gammas included as the reference counts them. */
  readonly parameters: number;
  /** Number of values of running averages. */
  readonly auxiliaries: number;
  /**
   * Operations of convolutions and fully connected layers for one image. The reference's count: a multiplication and an
   * addition are two, and nothing else is counted.
   */
  readonly flops: number;
  readonly layers: readonly LayerComplexity[];
}

/** @throws BackbonesError `invalid-graph` if the layers don't fit together */
export function complexity(graph: NetworkGraph): Complexity {
  const resolved = resolveGraph(graph);
  const layers = resolved.nodes.map(({ node, inputShapes, outputShape, parameters }) => ({
    name: node.name,
    kind: node.layer.kind,
    outputShape,
    parameters: parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    flops: rulesOf(node.layer).flops?.(node.layer, inputShapes, outputShape) ?? 0,
  }));
  return {
    parameters: valuesOf(resolved, 'argument'),
    auxiliaries: valuesOf(resolved, 'auxiliary'),
    flops: layers.reduce((sum, { flops }) => sum + flops, 0),
    layers,
  };
}

function valuesOf({ parameters }: ResolvedGraph, wanted: 'argument' | 'auxiliary'): number {
  return [...parameters.values()].reduce(
    (sum, { role, shape }) => sum + (role === wanted ? elementCount(shape) : 0),
    0,
  );
}
