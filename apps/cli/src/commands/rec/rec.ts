/** `arcface rec`: what one does with record files. */
import type { Command } from 'commander';
import { defineCommandGroup } from '../../cli/define-command.ts';
import { catCommand } from './cat.ts';
import { indexCommand } from './index-file.ts';
import { infoCommand } from './info.ts';
import { lsCommand } from './ls.ts';
import { mergeCommand } from './merge.ts';
import { packCommand } from './pack.ts';
import { repairCommand } from './repair.ts';
import { shuffleCommand } from './shuffle.ts';
import { unpackCommand } from './unpack.ts';
import { verifyRecordsCommand } from './verify.ts';

export function recCommand(): Command {
  return defineCommandGroup({
    name: 'rec',
    description: 'Look into, make, check and repair record files (MXNet RecordIO).',
    example: 'arcface rec info faces/train.rec',
    commands: [
      infoCommand(),
      lsCommand(),
      catCommand(),
      packCommand(),
      unpackCommand(),
      shuffleCommand(),
      mergeCommand(),
      indexCommand(),
      verifyRecordsCommand(),
      repairCommand(),
    ],
  });
}
