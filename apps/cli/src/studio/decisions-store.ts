/** The decisions file that the studio saves into as somebody decides: whole or not at all, in the order in which it was told. */
import { readFile } from 'node:fs/promises';
import { writeAtomically } from '../atomic-file.ts';

export interface DecisionsStore {
  /** Undefined while there is no file. */
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

export function decisionsStore(path: string): DecisionsStore {
  let last: Promise<void> = Promise.resolve();
  return {
    async read() {
      try {
        return await readFile(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    write(text) {
      const writing = last.catch(() => {}).then(() => writeAtomically(path, [text]));
      last = writing;
      return writing;
    },
  };
}
