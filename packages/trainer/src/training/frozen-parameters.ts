/**
 * Parts of a network that stay as they are while the rest is trained on: named by how their parameters' names begin (`conv0`,
 * `stage1`), or `*` for all of it.
 */
import type { Backbone, NetworkGraph } from '@arcface/backbones';
import { TrainingError } from '../training-error.ts';

/** Whether a parameter is in one of the frozen parts: its name is the part's, or goes on behind an underscore. */
export function isFrozen(name: string, frozen: readonly string[]): boolean {
  return frozen.some((part) => part === '*' || name === part || name.startsWith(`${part}_`));
}

/**
 * The same network with the batch normalisation of the frozen parts at its running averages, in training as in use; else
 * the averages of a part that is to stay as it is would move with every batch.
 */
export function withFrozenStatistics(graph: NetworkGraph, frozen: readonly string[]): NetworkGraph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) =>
      node.layer.kind === 'batch-norm' && isFrozen(node.name, frozen)
        ? { ...node, layer: { ...node.layer, globalStatistics: true } }
        : node,
    ),
  };
}

/** @throws {TrainingError} `invalid-option` for a part that the network does not have */
export function checkFrozen({ name, parameters }: Backbone, frozen: readonly string[]): void {
  for (const part of frozen) {
    if ([...parameters.keys()].some((parameter) => isFrozen(parameter, [part]))) continue;
    const parts = [...new Set([...parameters.keys()].map((parameter) => parameter.split('_')[0]!))];
    throw new TrainingError(
      'invalid-option',
      `frozen: no parameter of ${name} begins with "${part}". Its parts are ${parts.join(', ')}, or * for all.`,
    );
  }
}
