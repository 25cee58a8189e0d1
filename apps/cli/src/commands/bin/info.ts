/** `arcface bin info`: how many pairs a pack has. */
import type { Command } from 'commander';
import { type CommandContext, defineCommand, type SharedOptions } from '../../cli/define-command.ts';
import { readPack } from '../../pairs-pack.ts';

export function binInfoCommand(): Command {
  return defineCommand<SharedOptions>({
    name: 'info',
    description:
      'Say how many pairs a pack has, and how many of them show one person. Nothing in the pickle is run.',
    example: 'arcface bin info lfw.bin --json',
    options: (command) => command.argument('<pack>', 'a .bin'),
    run: info,
  });
}

async function info(_: SharedOptions, context: CommandContext, [path]: readonly string[]): Promise<void> {
  const { images, isSame, bytes } = await readPack(path!, context.signal);
  const pairs = isSame.length;
  const same = isSame.filter(Boolean).length;
  const imageBytes = images.reduce((sum, image) => sum + image.length, 0);
  context.console.result({ pairs, same, bytes, imageBytes }, [
    `${path}: ${pairs} pairs, ${same} of one person, ${pairs - same} of two`,
    `  ${bytes} bytes, ${imageBytes} of them images`,
  ]);
}
