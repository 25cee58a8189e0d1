/* Small networks of a few layers with values, for tests of what changes a graph. */
import * as tf from '@tensorflow/tfjs-core';
import { backboneFromGraph } from '../backbone.ts';
import type { GraphWithValues } from '../graph/fold-batch-norms.ts';
import { type LayerNode, type NetworkGraph, resolveGraph } from '../graph/network-graph.ts';
import { convolutionLayer } from '../layers/convolution.ts';
import type { Layer } from '../layers/layer-table.ts';
import type { NamedArray } from '../named-array.ts';
import { parameterValues } from './deterministic-values.ts';

export const NORM: Layer = {
  ...{ kind: 'batch-norm', epsilon: 1e-3, momentum: 0.9, fixGamma: false, globalStatistics: false },
};
export const SLOTS: Readonly<Record<string, readonly string[]>> = {
  'batch-norm': ['gamma', 'beta', 'mean', 'variance'],
  convolution: ['weight'],
  'fully-connected': ['weight', 'bias'],
  prelu: ['slope'],
};

export const node = (
  name: string,
  layer: Layer,
  inputs: readonly string[],
  parameters: Readonly<Record<string, string>> = {},
): LayerNode => ({
  ...{ name, layer, inputs },
  parameters: {
    ...Object.fromEntries((SLOTS[layer.kind] ?? []).map((slot) => [slot, `${name}_${slot}`])),
    ...parameters,
  },
});
export const norm = (name: string, input: string): LayerNode => node(name, NORM, [input]);
export const convolution = (name: string, input: string, parameters = {}): LayerNode =>
  node(name, convolutionLayer({ filters: 4 }), [input], parameters);
export const matrix = (name: string, input: string): LayerNode =>
  node(name, { kind: 'fully-connected', outputs: 5, bias: true }, [input]);

export function networkOf(nodes: readonly LayerNode[], output = nodes.at(-1)!.name): GraphWithValues {
  const graph: NetworkGraph = {
    ...{ name: 'made', input: 'data', inputShape: [2, 3, 4], nodes, output },
    initializer: { distribution: 'gaussian', fan: 'out', magnitude: 2 },
  };
  const arrays = [...resolveGraph(graph).parameters.values()].map(
    (parameter): NamedArray => ({
      ...{ name: parameter.name, shape: parameter.shape, dtype: 'float32' },
      data: parameterValues(parameter, 1),
    }),
  );
  return { graph, values: new Map(arrays.map((array) => [array.name, array])) };
}

export function embed({ graph, values }: GraphWithValues): Float32Array {
  const backbone = backboneFromGraph(graph, { parameters: values.values() });
  const images = tf.randomUniform<tf.Rank.R4>([2, 2, 3, 4], -1, 1, 'float32', 1);
  const embeddings = backbone.apply(images);
  const result = embeddings.dataSync<'float32'>().slice();
  tf.dispose([images, embeddings]);
  backbone.dispose();
  return result;
}
