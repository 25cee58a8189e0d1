/** What a command may not write over. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CommandError } from './usage-error.ts';

/**
 * Refuses a folder that has something in it, before any work is done.
 *
 * @param allowedBy flags that would have allowed it, for the message
 * @throws {CommandError}
 */
export async function refuseUsedFolder(folder: string, allowedBy: string): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code === 'ENOTDIR') throw new CommandError(`The output ${folder} exists and is not a folder.`);
    throw error;
  }
  if (entries.length > 0) {
    throw new CommandError(
      `The output folder ${folder} is not empty. Choose another one, or give ${allowedBy}.`,
    );
  }
}

/**
 * Refuses an output whose records are those that are read: even with `--overwrite` nobody means to lose what was left out.
 *
 * @param inputs record files, folders that hold a `train.rec`, or data of other kinds
 * @param output a `.rec`, or the folder that gets a `train.rec`
 * @throws {CommandError}
 */
export async function refuseInputAsOutput(inputs: readonly string[], output: string): Promise<void> {
  const written = await fileIdentity(output);
  if (written === undefined) return;
  for (const input of inputs) {
    if ((await fileIdentity(input)) !== written) continue;
    throw new CommandError(
      `The output ${output} would replace the records that are read. Choose another --output.`,
    );
  }
}

/**
 * Refuses an output that is the folder whose images are read: files that are written by the names of those would replace them.
 *
 * @param data a folder of folders, a list of images, or data of other kinds
 * @throws {CommandError}
 */
export async function refuseImagesAsOutput(data: string, output: string): Promise<void> {
  const places = await Promise.all(
    [data.endsWith('.lst') ? dirname(data) : data, output].map((path) =>
      stat(path, { bigint: true }).catch(() => undefined),
    ),
  );
  const [read, written] = places;
  if (read?.isDirectory() && written && read.dev === written.dev && read.ino === written.ino) {
    throw new CommandError(
      `The output ${output} is the folder of the images that are read, which would be replaced. Choose another --output.`,
    );
  }
}

/**
 * Refuses output files that are among those that are read.
 *
 * @param inputs files and folders, where they were given
 * @param outputs files
 * @throws {CommandError}
 */
export async function refuseInputFiles(
  inputs: readonly (string | undefined)[],
  outputs: readonly string[],
): Promise<void> {
  for (const output of outputs) {
    const written = await fileIdentity(output);
    if (written === undefined) continue;
    for (const input of inputs) {
      if (input === undefined || (await fileIdentity(input)) !== written) continue;
      throw new CommandError(`${output} would replace ${input}, which is read. Choose another name.`);
    }
  }
}

/** What is the same for all paths to the same file, or to records in a folder; undefined where there is none. */
async function fileIdentity(path: string): Promise<string | undefined> {
  for (const candidate of [join(path, 'train.rec'), path]) {
    const found = await stat(candidate, { bigint: true }).catch(() => undefined);
    if (found?.isFile()) return `${found.dev}:${found.ino}`;
  }
  return undefined;
}
