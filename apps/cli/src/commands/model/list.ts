/** `arcface model list`: the networks that can be trained, and what they cost. */
import { complexity, listNetworks, networkGraph } from '@arcface/backbones';
import type { Command } from 'commander';
import { type CommandContext, defineCommand, type SharedOptions } from '../../cli/define-command.ts';
import { counted, table } from './table.ts';

export function modelListCommand(): Command {
  return defineCommand<SharedOptions>({
    name: 'list',
    description:
      'List the networks by name, with trained parameters and operations for one image of 112x112: a multiplication and an ' +
      'addition are two, and only convolutions and fully connected layers count.',
    example: 'arcface model list --json',
    options: (command) => command,
    run: list,
  });
}

async function list(_: SharedOptions, { console }: CommandContext): Promise<void> {
  const networks = listNetworks().map(({ name, description, settings }) => {
    const { parameters, flops } = complexity(networkGraph(name));
    return { name, parameters, flops, embeddingSize: settings.embeddingSize, description };
  });
  console.result(
    networks,
    table(
      ['name', 'parameters', 'flops', 'embedding', ''],
      networks.map(({ name, parameters, flops, embeddingSize, description }) => [
        name,
        counted(parameters),
        counted(flops),
        String(embeddingSize),
        description,
      ]),
    ),
  );
}
