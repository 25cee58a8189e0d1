import { readdir } from 'node:fs/promises';
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
