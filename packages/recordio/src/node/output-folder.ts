/** Folders that are complete or not there: written beside their place, then renamed. */
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { RecordIOError } from '../errors.ts';
import { fileError, systemCode } from './file-error.ts';
import { stagingPath, syncFolder, writing } from './staging.ts';

/** How {@link writeFolder} makes a folder. */
export interface FolderWriting<T> {
  readonly directory: string;
  /** Writes everything into a folder that is not there yet for anybody else. */
  readonly write: (staging: string) => Promise<T>;
  /** Moves what was written into a folder that has something in it. Without it such a folder is refused. */
  readonly replace?: ((staging: string, target: string) => Promise<void>) | undefined;
}

/**
 * Makes a folder that has everything in it from the first moment on. On any error nothing is left of it.
 *
 * @throws RecordIOError `output-exists` if the folder has something in it and there is no way to replace that;
 *   `write-failed`; and what `write` throws
 */
export async function writeFolder<T>({ directory, write, replace }: FolderWriting<T>): Promise<T> {
  const target = resolve(directory);
  await checkOutput(target, replace !== undefined);
  const staging = stagingPath(target);
  try {
    await writing(directory, () => mkdir(staging, { recursive: true }));
    const result = await write(staging);
    await rmdir(target).catch(() => {});
    await moveIntoPlace(staging, target, replace);
    await syncFolder(dirname(target));
    return result;
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

async function checkOutput(target: string, mayReplace: boolean): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(target);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return;
    }
    throw fileError(
      'output-exists',
      `${target} exists and is not a folder that can be written to`,
      target,
      error,
    );
  }
  if (entries.length > 0 && !mayReplace) {
    throw new RecordIOError(
      'output-exists',
      `The folder ${target} is not empty; give another one, or set overwrite`,
      { path: target },
    );
  }
}

async function moveIntoPlace(
  staging: string,
  target: string,
  replace: FolderWriting<unknown>['replace'],
): Promise<void> {
  try {
    await rename(staging, target);
  } catch (error) {
    if (replace === undefined) {
      throw fileError('output-exists', `Cannot put what is finished at ${target}`, target, error);
    }
    await writing(target, () => replace(staging, target));
  }
}

/** Moves files and folders one by one, each in the place of what has its name there. Others are left alone. */
export async function replaceEntries(staging: string, target: string): Promise<void> {
  for (const name of await readdir(staging)) {
    // A link that stands there goes, not what it leads to.
    await rm(join(target, name), { recursive: true, force: true });
    await rename(join(staging, name), join(target, name));
  }
  await rmdir(staging);
}
