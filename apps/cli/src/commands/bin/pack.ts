/** `arcface bin pack`: a list of pairs and a folder of images to a pack. */
import { existsSync } from 'node:fs';
import { encodePairsPack } from '@arcface/recordio';
import type { Command } from 'commander';
import { writeAtomically } from '../../atomic-file.ts';
import {
  type CommandContext,
  defineCommand,
  required,
  type SharedOptions,
} from '../../cli/define-command.ts';
import { CommandError } from '../../cli/usage-error.ts';
import { listedPairs } from '../../pair-images.ts';

interface BinPackOptions extends SharedOptions {
  readonly pairs?: string;
  readonly images?: string;
  readonly output?: string;
  readonly overwrite?: boolean;
}

export function binPackCommand(): Command {
  return defineCommand<BinPackOptions>({
    name: 'pack',
    description:
      "Write the pairs of a pairs.txt as a pack that InsightFace's tools read. Images are stored as they are; an image " +
      'that is in several pairs is stored with each, as the format has it.',
    example: 'arcface bin pack --pairs pairs.txt --images lfw --output lfw.bin',
    options: (command) =>
      command
        .option('--pairs <file>', 'lines "name i j" for one person, "name i other j" for two')
        .option('--images <folder>', 'name/name_0001.jpg and so on, aligned')
        .option('--output <file>', 'the .bin to write')
        .option('--overwrite', 'replace it'),
    run: pack,
  });
}

async function pack(options: BinPackOptions, { console, signal }: CommandContext): Promise<void> {
  const list = required(options.pairs, '--pairs');
  const directory = required(options.images, '--images');
  const output = required(options.output, '--output');
  if (existsSync(output) && !options.overwrite) {
    throw new CommandError(`${output} exists. Choose another --output, or give --overwrite.`);
  }
  if (!existsSync(list)) throw new CommandError(`There is no list of pairs ${list}.`);
  const { images, rows, isSame } = await listedPairs(list, directory);
  const progress = console.progress('reading', { total: images.length, unit: 'images' });
  const read: Uint8Array[] = [];
  let bytes = 0;
  for (let position = 0; position < images.length; position++) {
    signal.throwIfAborted();
    read.push((await images.read(position)).bytes);
    bytes += read[position]!.length;
    progress.update(position + 1, { note: `${(bytes / 1e6).toFixed(1)} MB` });
  }
  progress.stop();
  const ordered = Array.from(rows, (row) => read[row]!);
  await writeAtomically(output, encodePairsPack({ images: ordered, isSame }));
  const same = isSame.filter(Boolean).length;
  console.result({ pairs: isSame.length, same, output }, [`${isSame.length} pairs in ${output}`]);
}
