/** `arcface rec unpack`: a record file to images in folders. */
import { statSync } from 'node:fs';
import type { RecordLayout } from '@arcface/recordio';
import { writeImageFolder } from '@arcface/recordio/node';
import type { Command } from 'commander';
import {
  type CommandContext,
  defineCommand,
  required,
  type SharedOptions,
} from '../../cli/define-command.ts';
import { refuseUsedFolder } from '../../cli/output-folder.ts';
import { openData } from '../../data.ts';
import { inputLayoutOption, type RecordInputOptions, recordPath, withRecordInput } from './record-input.ts';

interface UnpackOptions extends SharedOptions, RecordInputOptions {
  readonly inputLayout: 'auto' | RecordLayout;
  readonly output?: string;
  readonly overwrite?: boolean;
}

export function unpackCommand(): Command {
  return defineCommand<UnpackOptions>({
    name: 'unpack',
    description:
      'Write the images of a file into a folder for each identity, named as the identity or by its label, and ' +
      'images.lst with the key, label and path of each. Nothing is written outside of the output, whatever names and ' +
      'labels say.',
    example: 'arcface rec unpack faces/train.rec --output photos',
    options: (command) =>
      withRecordInput(command)
        .option('--output <folder>', 'folder to be made')
        .option('--overwrite', 'replace folders and files of the same names; others in the output stay')
        .addOption(inputLayoutOption()),
    run: unpack,
  });
}

async function unpack(
  options: UnpackOptions,
  context: CommandContext,
  [named]: readonly string[],
): Promise<void> {
  const { console, signal } = context;
  const output = required(options.output, '--output');
  if (!options.overwrite) await refuseUsedFolder(output, '--overwrite');
  const path = recordPath(named!);
  const dataset = await openData(path, context, { layout: options.inputLayout, useIndex: options.index });
  try {
    const total = statSync(path).size;
    const progress = console.progress('unpacking', { total, unit: 'bytes' });
    const summary = await writeImageFolder({
      dataset,
      directory: output,
      overwrite: options.overwrite,
      signal,
      onProgress: (_, bytes) => progress.update(bytes),
    });
    progress.stop();
    const { images, identities, bytes, list, renamed, unknownFormat } = summary;
    if (renamed > 0)
      console.warn(`${renamed} identities have names that cannot be folders; their labels are`);
    if (unknownFormat > 0) console.warn(`${unknownFormat} images are of no known format; they end in .bin`);
    console.result({ images, identities, bytes, output, list, renamed, unknownFormat }, [
      `${images} images of ${identities} identities, ${bytes} bytes, in ${output}`,
      `list     ${list}`,
    ]);
  } finally {
    await dataset.close();
  }
}
