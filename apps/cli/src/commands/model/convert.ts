/** `arcface model convert`: between the checkpoints of this project and those of the reference. */
import { existsSync } from 'node:fs';
import {
  type NamedArray,
  serializeMxnetSymbol,
  serializeNdArrays,
  serializeSafetensors,
  toFloat32,
} from '@arcface/backbones';
import { type Command, Option } from 'commander';
import { writeAtomically } from '../../atomic-file.ts';
import {
  type CommandContext,
  defineCommand,
  required,
  type SharedOptions,
} from '../../cli/define-command.ts';
import { CommandError, UsageError } from '../../cli/usage-error.ts';
import { type ModelFile, type ModelFileOptions, NETWORK_FORMAT, readModelFile } from '../../model-file.ts';
import { operand, withModelOperand } from './operand.ts';

interface ConvertOptions extends SharedOptions, ModelFileOptions {
  readonly to?: 'mxnet' | 'safetensors';
  readonly output?: string;
  readonly plainNames?: boolean;
  readonly overwrite?: boolean;
}

export function modelConvertCommand(): Command {
  return defineCommand<ConvertOptions>({
    name: 'convert',
    description:
      'Write a model as a checkpoint of MXNet (PREFIX,EPOCH becomes PREFIX-symbol.json and PREFIX-EPOCH.params) or as safetensors. ' +
      'Values keep their bits (bfloat16 and floats of 8 bits, which MXNet does not compute with, become float32), and sub-centres come along (but for --plain-names).',
    example: 'arcface model convert run --to mxnet --output models/face,0',
    options: (command) =>
      withModelOperand(command, 'the MODEL to convert')
        .addOption(new Option('--to <format>', 'what to write').choices(['mxnet', 'safetensors']))
        .option('--output <model>', 'PREFIX,EPOCH for mxnet, a .safetensors file otherwise')
        .option(
          '--plain-names',
          'safetensors of the network’s arrays alone, named as PyTorch’s load_state_dict has them',
        )
        .option('--overwrite', 'replace files that are there'),
    run: convert,
  });
}

async function convert(
  options: ConvertOptions,
  { console }: CommandContext,
  operands: readonly string[],
): Promise<void> {
  const name = operand(operands);
  const output = required(options.output, '--output');
  const to = required(options.to, '--to');
  if (options.plainNames && to !== 'safetensors') {
    throw new UsageError('--plain-names goes with --to safetensors.');
  }
  const paths = to === 'mxnet' ? mxnetPaths(output) : [safetensorsPath(output)];
  if (!options.overwrite) {
    const there = paths.find((path) => existsSync(path));
    if (there !== undefined) {
      throw new CommandError(`${there} exists. Choose another --output, or give --overwrite.`);
    }
  }
  const model = await readModelFile(name, console, options);
  const pieces =
    to === 'mxnet' ? mxnetFiles(model) : [options.plainNames ? plainFile(model) : safetensorsFile(model)];
  // The values come first: a symbol without them would look like a checkpoint.
  for (const [i, path] of [...paths.entries()].reverse()) await writeAtomically(path, [pieces[i]!]);
  const parameters = model.parameters.length;
  const heads = options.plainNames ? 0 : (model.subcenters?.arrays.length ?? 0);
  console.result({ output, files: paths, arrays: parameters + heads }, [
    ...paths,
    `${parameters} arrays${heads === 0 ? '' : ', with sub-centres'}`,
  ]);
}

function mxnetPaths(output: string): [string, string] {
  const parts = /^(.+),(\d{1,4})$/.exec(output);
  if (parts === null) {
    throw new UsageError(
      `--output of an MXNet checkpoint is PREFIX,EPOCH, such as models/face,0; found ${output}.`,
    );
  }
  return [`${parts[1]}-symbol.json`, `${parts[1]}-${parts[2]!.padStart(4, '0')}.params`];
}

function safetensorsPath(output: string): string {
  if (output.endsWith('.safetensors')) return output;
  throw new UsageError(`--output must end in .safetensors, found ${output}.`);
}

function mxnetFiles({ graph, parameters, subcenters }: ModelFile): [string, Uint8Array] {
  const head = (subcenters?.arrays ?? []).map((array) => ({ ...array, name: `arg:${array.name}` }));
  const arrays = [...parameters, ...head].map(inMxnetsTypes);
  return [
    serializeMxnetSymbol(graph),
    serializeNdArrays({ names: arrays.map((array) => array.name), arrays }),
  ];
}

/**
 * MXNet stores bfloat16 and computes with it on few machines, and has not all integers, nor floats of 8 bits. Each of these
 * floats is a float32.
 */
function inMxnetsTypes(array: NamedArray): NamedArray {
  return /^(float(16|32|64)|u?int8|int32|int64)$/.test(array.dtype)
    ? array
    : { ...array, dtype: 'float32', data: toFloat32(array) };
}

/** What PyTorch's `load_state_dict` takes, but for the counters of batches. */
function plainFile({ parameters }: ModelFile): Uint8Array {
  const tensors = parameters.map((array) => ({ ...array, name: array.name.replace(/^(arg|aux):/, '') }));
  return serializeSafetensors({ tensors, metadata: { format: 'pt' } });
}

function safetensorsFile({ graph, parameters, subcenters }: ModelFile): Uint8Array {
  const head = (subcenters?.arrays ?? []).map((array) => ({ ...array, name: `head:${array.name}` }));
  const { perIdentity, classOrder } = subcenters ?? {};
  return serializeSafetensors({
    tensors: [...parameters, ...head],
    metadata: {
      format: NETWORK_FORMAT,
      network: JSON.stringify(graph),
      ...(perIdentity === undefined ? {} : { subcenters: String(perIdentity) }),
      ...(classOrder === undefined ? {} : { classOrder }),
    },
  });
}
