/** `arcface bin unpack`: the images of a pack in folders, and the list of pairs. */
import { writePairsFolder } from '@arcface/recordio/node';
import type { Command } from 'commander';
import {
  type CommandContext,
  defineCommand,
  required,
  type SharedOptions,
} from '../../cli/define-command.ts';
import { refuseUsedFolder } from '../../cli/output-folder.ts';
import { readPack } from '../../pairs-pack.ts';

interface BinUnpackOptions extends SharedOptions {
  readonly output?: string;
  readonly overwrite?: boolean;
}

export function binUnpackCommand(): Command {
  return defineCommand<BinUnpackOptions>({
    name: 'unpack',
    description:
      'Write a pack as LFW is laid out: pairs.txt and a folder of images for each name in it. Since packs have no names, ' +
      'these are pair_1 for one person, and pair_1a and pair_1b for two.',
    example: 'arcface bin unpack lfw.bin --output lfw',
    options: (command) =>
      command
        .argument('<pack>', 'a .bin')
        .option('--output <folder>', 'folder to be made')
        .option('--overwrite', 'replace folders and files of the same names; others in the output stay'),
    run: unpack,
  });
}

async function unpack(
  options: BinUnpackOptions,
  context: CommandContext,
  [path]: readonly string[],
): Promise<void> {
  const { console, signal } = context;
  const output = required(options.output, '--output');
  if (!options.overwrite) await refuseUsedFolder(output, '--overwrite');
  const pack = await readPack(path!, signal);
  const progress = console.progress('unpacking', { total: pack.bytes, unit: 'bytes' });
  const { pairs, same, list, unknownFormat } = await writePairsFolder({
    pack,
    directory: output,
    overwrite: options.overwrite,
    signal,
    onProgress: (_, bytes) => progress.update(bytes),
  });
  progress.stop();
  if (unknownFormat > 0) console.warn(`${unknownFormat} images are of no known format; they end in .bin`);
  console.result({ pairs, same, output, list, unknownFormat }, [
    `${pairs} pairs in ${output}`,
    `list     ${list}`,
  ]);
}
