/** The command line as a whole: its commands, and what becomes of errors. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { messageWithAdvice } from './cli/advice.ts';
import { INTERRUPTED, releaseInterrupt } from './cli/interrupt.ts';
import { UsageError } from './cli/usage-error.ts';
import { alignCommand } from './commands/align.ts';
import { auditCommand } from './commands/audit.ts';
import { benchCommand } from './commands/bench.ts';
import { binCommand } from './commands/bin/bin.ts';
import { demoCommand } from './commands/demo.ts';
import { cleanCommand, dropCommand } from './commands/drop.ts';
import { embedCommand } from './commands/embed.ts';
import { modelCommand } from './commands/model/model.ts';
import { noiseCommand } from './commands/noise.ts';
import { recCommand } from './commands/rec/rec.ts';
import { studioCommand } from './commands/studio.ts';
import { trainCommand } from './commands/train/train.ts';
import { verifyCommand } from './commands/verify.ts';

const FAILED = 1;
const WRONG_USAGE = 2;

/** The commands as they are parsed; documentation is made from them. */
export function createProgram(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const program = new Command('arcface')
    .description(
      'Clean noisy face datasets with Sub-center ArcFace, and train face-recognition models on them.',
    )
    .version(version)
    .addHelpText(
      'after',
      '\nThe main job:\n  $ arcface train --data noisy --output run --subcenters 3\n  $ arcface drop --data noisy --model run --output clean\n  $ arcface train --data clean --output final --subcenters 1',
    );
  for (const command of [
    trainCommand(),
    dropCommand(),
    auditCommand(),
    cleanCommand(),
    alignCommand(),
    noiseCommand(),
    verifyCommand(),
    embedCommand(),
    modelCommand(),
    recCommand(),
    binCommand(),
    benchCommand(),
    studioCommand(),
    demoCommand(),
  ]) {
    program.addCommand(command);
  }
  for (const command of [
    program,
    ...program.commands,
    ...program.commands.flatMap(({ commands }) => commands),
  ])
    command.exitOverride().showHelpAfterError('(--help says what there is)');
  return program;
}

/**
 * Runs a command line.
 *
 * @param args what the user typed behind `arcface`
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  process.exitCode = 0;
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return Number(process.exitCode);
  } catch (error) {
    return exitCodeOf(error);
  } finally {
    releaseInterrupt();
  }
}

function exitCodeOf(error: unknown): number {
  // Commander has said already what is wrong; help and version come this way, too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  if (error instanceof DOMException && error.name === 'AbortError') {
    process.stderr.write('interrupted; nothing was written\n');
    return INTERRUPTED;
  }
  if (process.env.ARCFACE_DEBUG) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  else process.stderr.write(`error: ${messageWithAdvice(error)}\n`);
  return error instanceof UsageError ? WRONG_USAGE : FAILED;
}
