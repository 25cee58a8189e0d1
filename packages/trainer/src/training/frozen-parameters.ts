/**
 * Parts of a network that stay as they are while the rest is trained on: named by how their parameters' names begin (`conv0`,
 * `stage1`, `layer1` of PyTorch's names), or `*` for all of it. Their batch normalisation is at its running averages in training as in
 * use; else the averages of a part that is to stay as it is would move with every batch.
 */
import type { Backbone, NetworkGraph } from '@arcface/backbones';
import { TrainingError } from '../training-error.ts';

/** What stands between the parts of a name: MXNet's and PyTorch's. */
const SEPARATOR = /[_.]/;

/** Whether a parameter (or a layer) is in one of the frozen parts: its name is the part's, or goes on behind an underscore or a dot. */
export function isFrozen(name: string, frozen: readonly string[]): boolean {
  return frozen.some(
    (part) => part === '*' || (name.startsWith(part) && /^([_.]|$)/.test(name.slice(part.length))),
  );
}

/** Which layers of a network are at their averages while it is trained: for `Backbone.apply`. Undefined where nothing is frozen. */
export function layersAtAverages(frozen: readonly string[]): ((layer: string) => boolean) | undefined {
  return frozen.length === 0 ? undefined : (layer) => isFrozen(layer, frozen);
}

/** Names of the running averages that do not move in training. */
export function stillAverages({ nodes }: NetworkGraph, frozen: readonly string[]): ReadonlySet<string> {
  const still = nodes.filter(
    ({ name, layer }) => layer.kind === 'batch-norm' && (layer.globalStatistics || isFrozen(name, frozen)),
  );
  return new Set(still.flatMap(({ parameters }) => [parameters.mean!, parameters.variance!]));
}

/**
 * The same network with the batch normalisation of the frozen parts at its running averages, in training as in use: for loops of one's
 * own. A run does so by itself.
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
    const parts = [...new Set([...parameters.keys()].map((parameter) => parameter.split(SEPARATOR)[0]!))];
    throw new TrainingError(
      'invalid-option',
      `frozen: no parameter of ${name} begins with "${part}". Its parts are ${parts.join(', ')}, or * for all.`,
    );
  }
}
