/** The network that a run begins with: a new one, or that of a model. */
import { type Backbone, backboneFromGraph, createBackbone } from '@arcface/backbones';
import type { CommandContext } from '../../cli/define-command.ts';
import { UsageError } from '../../cli/usage-error.ts';
import { readModelFile } from '../../model-file.ts';
import type { TrainCommandOptions } from './training-settings.ts';

/**
 * @throws {UsageError} for settings of a new network beside a model; CommandError when there is no such model
 */
export async function initialNetwork(
  options: TrainCommandOptions,
  { console }: CommandContext,
): Promise<Backbone> {
  const { init, network, width, embeddingSize, inputSize, dropout, freeze = [], seed, segments } = options;
  const settings = { width, embeddingSize, dropout };
  if (init === undefined) {
    const config = { network: network ?? 'y1', inputSize, ...settings };
    if (freeze.length > 0)
      console.warn(
        'parts of a new network are frozen, which have learned nothing (--init gives them a past)',
      );
    return createBackbone(config, { seed, segments });
  }
  const given = Object.entries({ network, ...settings }).find(([, value]) => value !== undefined);
  if (given)
    throw new UsageError(
      `--init gives a whole network: leave out what changes it (${given[0]} ${given[1]}).`,
    );
  // The size of images is no change to a model that does not say it; one that does refuses it.
  const { graph, parameters, path } = await readModelFile(init, console, {
    inputSize,
    withSubcenters: false,
  });
  console.log(`starting from the network ${graph.name} of ${path}`);
  return backboneFromGraph(graph, { parameters, segments });
}
