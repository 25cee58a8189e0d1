/** `arcface rec pack`: images in folders to a record file. */
import type { RecordLayout } from '@arcface/recordio';
import type { Command } from 'commander';
import {
  type CommandContext,
  defineCommand,
  required,
  type SharedOptions,
} from '../../cli/define-command.ts';
import { openData } from '../../data.ts';
import { firstImageSize } from '../../image-size.ts';
import { inputLayoutOption } from './record-input.ts';
import {
  datasetResult,
  outputLayoutOption,
  type RecordOutputOptions,
  refuseUsedOutput,
  withRecordOutput,
  writeDataset,
} from './record-output.ts';

interface PackOptions extends SharedOptions, RecordOutputOptions {
  readonly layout: RecordLayout;
  readonly inputLayout: 'auto' | RecordLayout;
  readonly root?: string;
}

export function packCommand(): Command {
  return defineCommand<PackOptions>({
    name: 'pack',
    description:
      'Write a folder of folders (identity/image), a .lst, or another .rec as records. Images are stored as they are, ' +
      'each with its first label; a folder of folders is numbered by the names of its folders. In the insightface ' +
      'layout the images of an identity are put together.',
    example: 'arcface rec pack photos --output faces --layout insightface',
    options: (command) =>
      withRecordOutput(command.argument('<data>', 'a folder of folders, a .lst, or a .rec'))
        .addOption(outputLayoutOption())
        .addOption(inputLayoutOption())
        .option('--root <folder>', "folder that a .lst's paths are relative to (default: its own)"),
    run: pack,
  });
}

async function pack(options: PackOptions, context: CommandContext, [data]: readonly string[]): Promise<void> {
  const { layout, inputLayout, root, overwrite } = options;
  const output = required(options.output, '--output');
  await refuseUsedOutput(output, overwrite);
  const dataset = await openData(data!, context, { layout: inputLayout, root });
  try {
    const imageSize = await firstImageSize(dataset);
    const summary = await writeDataset({ dataset, output, layout, overwrite, imageSize }, context);
    context.console.result(...datasetResult(summary, output, layout));
  } finally {
    await dataset.close();
  }
}
