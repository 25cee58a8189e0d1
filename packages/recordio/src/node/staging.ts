/** What is being written stands under a name of its own, beside its place, until it is complete. */
import { randomBytes } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileError, systemCode } from './file-error.ts';

/** A name may be as long as names can be already, so what is put to it comes to the beginning of it. */
const NAME_CHARACTERS = 40;

/** A hidden name beside `target` that nothing else has, on the same disk, so that renaming it is one step. */
export function stagingPath(target: string): string {
  const name = basename(target).slice(0, NAME_CHARACTERS);
  return join(dirname(target), `.${name}.partial-${randomBytes(6).toString('hex')}`);
}

/** Runs something that writes, and says of an error of the operating system what could not be written. */
export async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw fileError('write-failed', `Cannot write ${path}`, path, error);
  }
}

/** Makes a rename last through a power cut, where the operating system allows opening a folder. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  if (handle !== undefined) {
    await handle.sync().catch(() => {});
    await handle.close();
  }
}

/** Whether there is something at a path. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return false;
    }
    throw fileError('read-failed', `Cannot open ${path}`, path, error);
  }
}
