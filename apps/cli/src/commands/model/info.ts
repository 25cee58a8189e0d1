/** `arcface model info`: what is in a model, layer by layer. */
import { complexity, type NamedArray, type NetworkGraph } from '@arcface/backbones';
import type { Command } from 'commander';
import { type CommandContext, defineCommand, type SharedOptions } from '../../cli/define-command.ts';
import { type ModelFileOptions, readModelFile } from '../../model-file.ts';
import { onnxInfo } from './onnx-info.ts';
import { operand, withModelOperand } from './operand.ts';
import { counted, table } from './table.ts';

type InfoOptions = SharedOptions & ModelFileOptions;

export function modelInfoCommand(): Command {
  return defineCommand<InfoOptions>({
    name: 'info',
    description:
      'Show parameters, operations for one image, and the layers of a model. Of an ONNX file: its inputs, outputs, metadata ' +
      'and operators.',
    example: 'arcface model info run',
    options: (command) => withModelOperand(command, 'the MODEL to look into'),
    run: info,
  });
}

async function info(
  options: InfoOptions,
  context: CommandContext,
  operands: readonly string[],
): Promise<void> {
  const name = operand(operands);
  if (name.endsWith('.onnx')) {
    onnxInfo(name, context);
    return;
  }
  const { console } = context;
  const model = await readModelFile(name, console, options);
  const { path, graph, subcenters } = model;
  const { parameters, auxiliaries, flops, layers } = complexity(graph);
  const elementTypes = countedTypes(model.parameters);
  const embeddingSize = embeddingSizeOf(graph, layers);
  const head = subcenters?.arrays.map(({ name: array, shape }) => ({ name: array, shape }));
  console.result(
    {
      name: graph.name,
      path,
      inputShape: graph.inputShape,
      embeddingSize,
      parameters,
      auxiliaries,
      flops,
      elementTypes,
      ...(head === undefined ? {} : { subcenters: { perIdentity: subcenters?.perIdentity, arrays: head } }),
      layers,
    },
    [
      `${graph.name}  ${path}`,
      `input ${graph.inputShape.join(' x ')}, embedding ${embeddingSize}`,
      `${counted(parameters)} parameters and ${counted(auxiliaries)} running averages, ${counted(flops)} operations an image`,
      `values of ${Object.entries(elementTypes)
        .map(([type, arrays]) => `${type} (${arrays} arrays)`)
        .join(', ')}`,
      ...(head ?? []).map(({ name: array, shape }) => `sub-centres ${array} [${shape}]`),
      '',
      ...table(
        ['layer', 'kind', 'output', 'parameters', 'flops'],
        layers.map((layer) => [
          layer.name,
          layer.kind,
          layer.outputShape.join(' x '),
          String(layer.parameters),
          counted(layer.flops),
        ]),
      ),
    ],
  );
}

/** How many arrays there are of each type. */
function countedTypes(arrays: readonly NamedArray[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { dtype } of arrays) counts[dtype] = (counts[dtype] ?? 0) + 1;
  return counts;
}

function embeddingSizeOf(
  { output }: NetworkGraph,
  layers: ReturnType<typeof complexity>['layers'],
): number | undefined {
  const last = layers.find(({ name }) => name === output);
  return last?.outputShape.reduce((product, size) => product * size, 1);
}
