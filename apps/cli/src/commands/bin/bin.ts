/** `arcface bin`: verification packs (`lfw.bin`, `cfp_fp.bin`, ...). */
import type { Command } from 'commander';
import { defineCommandGroup } from '../../cli/define-command.ts';
import { binInfoCommand } from './info.ts';
import { binPackCommand } from './pack.ts';
import { binUnpackCommand } from './unpack.ts';

export function binCommand(): Command {
  return defineCommandGroup({
    name: 'bin',
    description: 'Look into, make and unpack verification packs (lfw.bin and the like).',
    example: 'arcface bin unpack lfw.bin --output lfw',
    commands: [binInfoCommand(), binPackCommand(), binUnpackCommand()],
  });
}
