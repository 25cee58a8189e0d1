/** Where embeddings wait until all are there, and who makes which: shared by `drop`, `clean` and `audit`. */
import { existsSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { Console } from '../cli/console.ts';
import { type PassOptions, withPassOptions } from '../cli/images-a-pass.ts';
import { UsageError } from '../cli/usage-error.ts';
import type { Shard } from './embedding-store.ts';

export interface WorkOptions extends PassOptions {
  readonly work?: string;
  readonly shard?: Shard;
  readonly handOut?: boolean;
}

export function withWorkOptions(command: Command): Command {
  return withPassOptions(
    command
      .option(
        '--work <folder>',
        'keeps embeddings here, for shards and for further runs (default: OUTPUT.work, removed when all is done; what a run that was ended left there is used)',
      )
      .option(
        '--shard <i/n>',
        'only the i-th of n parts of the work in --work: embed it, or score it when a round is handed out; merge (or the command without --shard) joins them',
        shard,
      )
      .option(
        '--hand-out',
        'rules auto and self-trained: leave the next round of scoring to the shards, instead of doing all of it here; run them and this ' +
          'in turns until the output is there',
      ),
  );
}

/**
 * Whether a command is to join shards and embed nothing: `arcface audit merge`.
 *
 * @throws {UsageError} for another operand, or for a shard of a merge
 */
export function joinsOnly({ shard: part, handOut }: WorkOptions, [operand]: readonly string[]): boolean {
  if (part && handOut) throw new UsageError('A shard has nothing to hand out: leave out --hand-out.');
  if (operand === undefined) return false;
  if (operand !== 'merge') throw new UsageError(`Expected options, or merge, found ${operand}.`);
  if (part) throw new UsageError('merge joins all shards: leave out --shard.');
  return true;
}

/**
 * Refuses to divide what is done in one go: work without images to embed.
 *
 * @throws {UsageError} naming what was asked for
 */
export function refuseDivision(
  {
    shard: part,
    handOut,
    joinOnly,
  }: Pick<WorkOptions, 'shard' | 'handOut'> & { readonly joinOnly?: boolean | undefined },
  input: string,
): void {
  const asked = part ? '--shard' : handOut ? '--hand-out' : joinOnly ? 'merge' : undefined;
  if (asked === undefined) return;
  throw new UsageError(`With ${input} nothing is embedded that could be divided: leave out ${asked}.`);
}

/** Reads `2/4`. */
export function shard(text: string): Shard {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? [];
  if (index === undefined || count === undefined || index < 1 || index > count) {
    throw new InvalidArgumentError('Expected i/n with i from 1 to n, such as 1/4.');
  }
  return { index: index - 1, count };
}

export interface WorkFolder {
  readonly directory: string;
  /** It stays when all is done: for others, or for another time. */
  readonly keep: boolean;
}

export function workFolder(
  { work, shard: part }: Pick<WorkOptions, 'work' | 'shard'>,
  output: string,
): WorkFolder {
  const folder = output.replace(/[/\\]+$/, '');
  // `.` and `..` are no names that another could be beside.
  const beside = `${/^\.{0,2}$/.test(basename(folder)) ? resolve(output) : folder}.work`;
  return { directory: work ?? beside, keep: work !== undefined || part !== undefined };
}

/** What was done of work that is divided, when that was not all of it. */
export interface PartOfWork {
  /** The shard that was at work, from 1: `2/4`. */
  readonly shard?: string;
  /** The round of scoring that a shard had a part in, or that is handed out to shards now. */
  readonly round?: number;
}

/** What a run puts into its folder, whole or begun. */
const OF_A_RUN = /^(chunk-\d+|scores-[\da-f]+-\d+|scoring)\.safetensors(\.partial-\d+)?$/;

/**
 * When the output is there, and not before: until then it is what a stopped run goes on with. A folder of that name may be somebody's
 * own, for work of another kind: what no run has put there stays.
 */
export async function discardWork({ directory, keep }: WorkFolder): Promise<void> {
  if (keep || !existsSync(directory)) return;
  const files = await readdir(directory);
  const ours = files.filter((file) => OF_A_RUN.test(file));
  for (const file of ours) await rm(join(directory, file), { force: true });
  if (ours.length === files.length) await rmdir(directory);
}

/** Says what was done where that is not all. */
export function reportPart({ shard: name, round }: PartOfWork, console: Console): void {
  const scored = round === undefined ? undefined : `round ${round} of scoring`;
  console.result(
    { ...(name === undefined ? {} : { shard: name }), ...(round === undefined ? {} : { round }) },
    [
      name === undefined
        ? `${scored} is handed out: run the shards, then this again`
        : scored === undefined
          ? `shard ${name} is embedded; merge when all are`
          : `shard ${name} has had its part in ${scored}; merge when all have`,
    ],
  );
}
