/**
 * What all commands have in common: their shared options, the configuration file, Ctrl-C, and how an error becomes a
 * message and an exit code.
 */
import { Command, Option } from 'commander';
import { applyConfigFile } from './config-file.ts';
import { Console } from './console.ts';
import { interruptSignal } from './interrupt.ts';
import { wholeNumber } from './option-values.ts';
import { UsageError } from './usage-error.ts';

/** Options of every command. */
export interface SharedOptions {
  readonly json?: boolean;
  readonly config?: string;
}

/** Options of commands that run a network. */
export interface ComputeOptions {
  readonly backend: string;
  readonly threads?: number;
  readonly seed: number;
}

/** What a command works with. */
export interface CommandContext {
  readonly console: Console;
  /** Aborted by Ctrl-C; a second Ctrl-C ends the process at once. */
  readonly signal: AbortSignal;
  /** Whether the user stated an option (by its name in camelCase), here or in the configuration file. */
  readonly stated: (option: string) => boolean;
}

/** A command of `arcface`, before its own options are added. */
export function defineCommand<Options extends SharedOptions>(definition: {
  readonly name: string;
  readonly description: string;
  /** One line as a user would type it. */
  readonly example: string;
  /** Adds options, and arguments if it takes any. */
  readonly options: (command: Command) => Command;
  /** @param operands the arguments that are no options, as typed */
  readonly run: (options: Options, context: CommandContext, operands: readonly string[]) => Promise<void>;
}): Command {
  const { name, description, example, run } = definition;
  const command = definition
    .options(new Command(name).description(description))
    .option('--json', 'print one JSON object on stdout, and nothing else')
    .option('--config <file>', 'read options from a JSON, JavaScript or TypeScript file')
    .addHelpText('after', `\nExample:\n  $ ${example}`);
  return command.action(async () => {
    await applyConfigFile(command);
    refuseNoValues(command);
    const options = command.opts<Options>();
    const console = new Console({ json: options.json === true });
    const stated = (option: string): boolean =>
      ['cli', 'config'].includes(command.getOptionValueSource(option) ?? 'default');
    try {
      await run(options, { console, signal: interruptSignal(), stated }, command.args);
    } finally {
      console.close();
    }
  });
}

/**
 * A variable that a shell does not have is an empty text here, and an empty path would mean the folder that one stands in; where
 * a value was forgotten, the next option is taken for it.
 */
function refuseNoValues(command: Command): void {
  const options = new Set(command.options.map(({ long }) => long));
  for (const option of command.options) {
    const value: unknown = command.getOptionValue(option.attributeName());
    if (value === '') throw new UsageError(`The option ${option.long} has an empty value.`);
    if (typeof value === 'string' && options.has(value)) {
      throw new UsageError(
        `The option ${option.long} has no value: ${value} behind it is an option. (A file of that name is ./${value}.)`,
      );
    }
  }
  if (command.args.includes('')) throw new UsageError('An argument is an empty text.');
}

/** A command that is nothing but a name for others: `arcface rec ls`. */
export function defineCommandGroup(definition: {
  readonly name: string;
  readonly description: string;
  /** One line as a user would type it. */
  readonly example: string;
  readonly commands: readonly Command[];
}): Command {
  const { name, description, example, commands } = definition;
  const group = new Command(name).description(description).addHelpText('after', `\nExample:\n  $ ${example}`);
  for (const command of commands) {
    // The first sentence in the group's list, all of them in the command's own help.
    group.addCommand(command.summary(command.description().split(/\.\s/)[0]!));
  }
  return group;
}

/** Adds the options of commands that run a network. */
export function withComputeOptions(command: Command): Command {
  return command
    .addOption(new Option('--backend <name>', 'what computes').default('onnxruntime'))
    .option('--threads <n>', 'threads of the backend (default: one a core)', wholeNumber(1, 1024))
    .option('--seed <n>', 'determines everything that is random', wholeNumber(0, 2 ** 32 - 1), 0);
}

/** An option that must be given, here or in the configuration file. */
export function required<T>(value: T | undefined, flag: string): T {
  if (value === undefined) throw new UsageError(`The option ${flag} is missing.`);
  return value;
}
