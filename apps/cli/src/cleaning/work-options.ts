/** Where embeddings wait until all are there, and who makes which: shared by `drop`, `clean` and `audit`. */
import { type Command, InvalidArgumentError } from 'commander';
import { wholeNumber } from '../cli/option-values.ts';
import { UsageError } from '../cli/usage-error.ts';
import type { Shard } from './embedding-store.ts';

export interface WorkOptions {
  readonly work?: string;
  readonly shard?: Shard;
  readonly batchSize: number;
}

export function withWorkOptions(command: Command): Command {
  return command
    .option(
      '--work <folder>',
      'keeps embeddings here, for shards and for further runs (default: OUTPUT.work, removed when all is done; what a run that was ended left there is used)',
    )
    .option(
      '--shard <i/n>',
      'only embed the i-th of n parts into --work; merge (or the command without --shard) joins them',
      shard,
    )
    .option('--batch-size <n>', 'images a forward pass', wholeNumber(1, 4096), 64);
}

/**
 * Whether a command is to join shards and embed nothing: `arcface audit merge`.
 *
 * @throws {UsageError} for another operand, or for a shard of a merge
 */
export function joinsOnly({ shard: part }: WorkOptions, [operand]: readonly string[]): boolean {
  if (operand === undefined) return false;
  if (operand !== 'merge') throw new UsageError(`Expected options, or merge, found ${operand}.`);
  if (part) throw new UsageError('merge joins all shards: leave out --shard.');
  return true;
}

/** Reads `2/4`. */
export function shard(text: string): Shard {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? [];
  if (index === undefined || count === undefined || index < 1 || index > count) {
    throw new InvalidArgumentError('Expected i/n with i from 1 to n, such as 1/4.');
  }
  return { index: index - 1, count };
}

/** The folder, and whether it stays. */
export function workFolder(
  { work, shard: part }: WorkOptions,
  output: string,
): { readonly directory: string; readonly keep: boolean } {
  const beside = `${output.replace(/[/\\]+$/, '')}.work`;
  return { directory: work ?? beside, keep: work !== undefined || part !== undefined };
}
