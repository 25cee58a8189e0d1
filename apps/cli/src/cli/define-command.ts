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
}

/** A command of `arcface`, before its own options are added. */
export function defineCommand<Options extends SharedOptions>(definition: {
  readonly name: string;
  readonly description: string;
  /** One line as a user would type it. */
  readonly example: string;
  readonly options: (command: Command) => Command;
  readonly run: (options: Options, context: CommandContext) => Promise<void>;
}): Command {
  const { name, description, example, run } = definition;
  const command = definition
    .options(new Command(name).description(description))
    .option('--json', 'print one JSON object on stdout, and nothing else')
    .option('--config <file>', 'read options from a JSON, JavaScript or TypeScript file')
    .addHelpText('after', `\nExample:\n  $ ${example}`);
  return command.action(async () => {
    await applyConfigFile(command);
    const options = command.opts<Options>();
    await run(options, { console: new Console({ json: options.json === true }), signal: interruptSignal() });
  });
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
