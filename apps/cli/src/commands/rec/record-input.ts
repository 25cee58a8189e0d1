/** A `.rec` as the user names it, with the `.idx` beside it if there is one. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type FileSource, indexPathOf, openFileSource } from '@arcface/recordio/node';
import { type Command, Option } from 'commander';
import type { CommandContext } from '../../cli/define-command.ts';
import { CommandError } from '../../cli/usage-error.ts';

/** Options of commands that read a record file. */
export interface RecordInputOptions {
  /** False for `--no-index`. */
  readonly index: boolean;
}

export interface RecordInput {
  /** Path of the `.rec`. */
  readonly path: string;
  readonly records: FileSource;
  readonly index: FileSource | undefined;
}

/** Adds the argument and the option of commands that read a record file. */
export function withRecordInput(command: Command): Command {
  return command
    .argument('<records>', 'a .rec, or a folder with a train.rec')
    .option('--no-index', 'find records without the .idx; their ids are their keys then');
}

/** How the images of a file are found. */
export function inputLayoutOption(): Option {
  return new Option(
    '--input-layout <layout>',
    "how the input is arranged: by identity records, or by the images' own labels",
  )
    .choices(['auto', 'insightface', 'flat'])
    .default('auto');
}

/** Path of the `.rec` that a user means. */
export function recordPath(named: string): string {
  const isFolder = existsSync(named) && statSync(named).isDirectory();
  const path = isFolder ? join(named, 'train.rec') : named;
  if (isFolder && !existsSync(path)) throw new CommandError(`There is no train.rec in the folder ${named}.`);
  if (!existsSync(path)) throw new CommandError(`There is no ${path}.`);
  return path;
}

/** Opens a record file, hands it to `use`, and closes it. */
export async function withRecords<T>(
  named: string,
  options: RecordInputOptions,
  use: (input: RecordInput) => Promise<T>,
): Promise<T> {
  const path = recordPath(named);
  const records = await openFileSource(path);
  let index: FileSource | undefined;
  try {
    const indexPath = path.endsWith('.rec') ? indexPathOf(path) : undefined;
    if (options.index && indexPath !== undefined && existsSync(indexPath)) {
      index = await openFileSource(indexPath);
    }
    return await use({ path, records, index });
  } finally {
    await records.close();
    await index?.close();
  }
}

/** Runs a pass over a file and shows how many of its bytes are behind. */
export async function withByteProgress<T>(
  { console }: CommandContext,
  title: string,
  { byteLength }: FileSource,
  pass: (onProgress: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const progress = console.progress(title, { total: byteLength, unit: 'bytes' });
  try {
    return await pass((bytes) => progress.update(bytes));
  } finally {
    progress.stop();
  }
}
