/**
 * The command line as a whole: its commands, and what becomes of errors. A command's file, and with it TensorFlow.js and
 * all that it needs, is loaded when the command is called: the list of commands and the version are there at once.
 */
import { Command, CommanderError } from 'commander';
import { messageWithAdvice } from './cli/advice.ts';
import { INTERRUPTED, releaseInterrupt } from './cli/interrupt.ts';
import { printable } from './cli/printable.ts';
import { UsageError } from './cli/usage-error.ts';
import { programVersion } from './program-version.ts';

const FAILED = 1;
const WRONG_USAGE = 2;

/** A command as the list of commands has it. */
interface CommandEntry {
  readonly name: string;
  /** One line; the command's own help says more. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'train',
    summary: 'train a network with the (Sub-center) ArcFace loss, or another',
    load: async () => (await import('./commands/train/train.ts')).trainCommand(),
  },
  {
    name: 'drop',
    summary: "drop the images that are off their identity's dominant sub-centre",
    load: async () => (await import('./commands/drop.ts')).dropCommand(),
  },
  {
    name: 'audit',
    summary: 'judge every image and say why, without changing anything',
    load: async () => (await import('./commands/audit.ts')).auditCommand(),
  },
  {
    name: 'clean',
    summary: 'clean faces with a network that was trained on other data',
    load: async () => (await import('./commands/drop.ts')).cleanCommand(),
  },
  {
    name: 'align',
    summary: 'bring the faces of photos to the position that networks expect',
    load: async () => (await import('./commands/align.ts')).alignCommand(),
  },
  {
    name: 'noise',
    summary: 'spoil labels on purpose, to see what a rule finds',
    load: async () => (await import('./commands/noise.ts')).noiseCommand(),
  },
  {
    name: 'verify',
    summary: 'verify a model on pairs of images',
    load: async () => (await import('./commands/verify.ts')).verifyCommand(),
  },
  {
    name: 'embed',
    summary: 'write the embedding of every image',
    load: async () => (await import('./commands/embed.ts')).embedCommand(),
  },
  {
    name: 'model',
    summary: 'list networks, look into models, convert and export them',
    load: async () => (await import('./commands/model/model.ts')).modelCommand(),
  },
  {
    name: 'rec',
    summary: 'look into, make, check and repair record files (MXNet RecordIO)',
    load: async () => (await import('./commands/rec/rec.ts')).recCommand(),
  },
  {
    name: 'bin',
    summary: 'look into, make and unpack verification packs (lfw.bin and the like)',
    load: async () => (await import('./commands/bin/bin.ts')).binCommand(),
  },
  {
    name: 'bench',
    summary: 'time training steps, or forward passes',
    load: async () => (await import('./commands/bench.ts')).benchCommand(),
  },
  {
    name: 'studio',
    summary: 'look at what an audit would drop, decide, and export, in the browser',
    load: async () => (await import('./commands/studio.ts')).studioCommand(),
  },
  {
    name: 'demo',
    summary: 'draw a noisy face dataset, clean it, and measure what that is good for',
    load: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
];

/**
 * The commands as they are parsed; documentation is made from them.
 *
 * @param called the only command to load: the others have their names and summaries, nothing else. Undefined for all.
 */
export async function createProgram(called?: string): Promise<Command> {
  const program = new Command('arcface')
    .description(
      'Clean noisy face datasets with Sub-center ArcFace, and train face-recognition models on them.',
    )
    .version(programVersion())
    .addHelpText(
      'after',
      '\nThe main job:\n  $ arcface train --data noisy --output run --subcenters 3\n  $ arcface drop --data noisy --model run --output clean\n  $ arcface train --data clean --output final --subcenters 1',
    );
  for (const { name, summary, load } of COMMANDS) {
    const command = called === undefined || called === name ? await load() : new Command(name);
    program.addCommand(command.summary(summary));
  }
  for (const command of [
    program,
    ...program.commands,
    ...program.commands.flatMap(({ commands }) => commands),
  ])
    command.exitOverride().showHelpAfterError('(--help says what there is)');
  return program;
}

/** The command that is called, or that help is asked about; an empty string for none. */
function calledBy(args: readonly string[]): string {
  // The program itself has no option that takes a value.
  const [first = '', second = ''] = args.filter((arg) => !arg.startsWith('-'));
  return first === 'help' ? second : first;
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
    const program = await createProgram(calledBy(args));
    await program.parseAsync(args, { from: 'user' });
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
    process.stderr.write('interrupted; nothing half-written is left\n');
    return INTERRUPTED;
  }
  if (process.env.ARCFACE_DEBUG) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  else process.stderr.write(`error: ${printable(messageWithAdvice(error))}\n`);
  return error instanceof UsageError ? WRONG_USAGE : FAILED;
}
