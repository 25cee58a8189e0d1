/** `arcface model export`: a model for other programs. */
import { existsSync } from 'node:fs';
import { exportOnnx } from '@arcface/backbones';
import { type Command, Option } from 'commander';
import { onnxModelPieces } from 'onnx-format';
import { writeAtomically } from '../../atomic-file.ts';
import {
  type CommandContext,
  defineCommand,
  required,
  type SharedOptions,
} from '../../cli/define-command.ts';
import { CommandError, UsageError } from '../../cli/usage-error.ts';
import { type ModelFileOptions, readModelFile } from '../../model-file.ts';
import { operand, withModelOperand } from './operand.ts';

interface ExportOptions extends SharedOptions, ModelFileOptions {
  readonly format: 'onnx';
  readonly output?: string;
  readonly fold?: boolean;
  readonly overwrite?: boolean;
}

export function modelExportCommand(): Command {
  return defineCommand<ExportOptions>({
    name: 'export',
    description:
      'Write a model as ONNX, for inference: any number of images at a time, NCHW, RGB, 0..255 (the normalisation is in the ' +
      'graph, and the metadata say so), embeddings as the network gives them.',
    example: 'arcface model export run --format onnx --output face.onnx',
    options: (command) =>
      withModelOperand(command, 'the MODEL to export')
        .addOption(new Option('--format <format>', 'what to write').choices(['onnx']).default('onnx'))
        .option('--output <file>', 'the .onnx to write')
        .option('--fold', 'fold batch norms into the weights beside them')
        .option('--overwrite', 'replace the file'),
    run: exportModel,
  });
}

async function exportModel(
  options: ExportOptions,
  { console }: CommandContext,
  operands: readonly string[],
): Promise<void> {
  const name = operand(operands);
  const output = required(options.output, '--output');
  if (!output.endsWith('.onnx')) throw new UsageError(`--output must end in .onnx, found ${output}.`);
  if (existsSync(output) && !options.overwrite) {
    throw new CommandError(`${output} exists. Choose another --output, or give --overwrite.`);
  }
  const { graph, parameters } = await readModelFile(name, console, options);
  const model = exportOnnx({ graph, parameters }, { foldBatchNorms: options.fold });
  if (model.metadata?.has('arcface.batch-dependent')) {
    console.warn(
      `${graph.name} weighs by the norms of the whole batch (head GNAP): an embedding depends on what it is embedded with, in the ONNX model too.`,
    );
  }
  const pieces = onnxModelPieces(model);
  await writeAtomically(output, pieces);
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  const [input] = model.graph.inputs;
  console.result({ output, bytes, input: input?.shape, metadata: Object.fromEntries(model.metadata ?? []) }, [
    `${output}: ${graph.name}, ${bytes} bytes, input ${input?.name} [${input?.shape?.join(', ')}]`,
  ]);
}
