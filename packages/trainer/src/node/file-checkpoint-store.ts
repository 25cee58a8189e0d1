/**
 * A folder of checkpoints. A file is written beside its place, flushed to the disk, and only then renamed into place, so
 * that a process killed at any moment leaves either the old file or the new one; what it had begun is cleaned up by the
 * next writer.
 */
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { openFileSource } from '@arcface/recordio/node';
import type { BlobPieces, CheckpointStore, OpenBlob } from '../checkpoints/checkpoint-store.ts';
import { messageOf, TrainingError } from '../training-error.ts';

const UNFINISHED = '.unfinished';
/** Bytes that are read at once: Node's `readFile` refuses files of 2 GiB. */
const PIECE = 1 << 30;

/** Keeps checkpoints as files in one folder, which is made when it is first written to. */
export class FileCheckpointStore implements CheckpointStore {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  async list(): Promise<readonly string[]> {
    try {
      const entries = await readdir(this.directory, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile() && isPlainName(entry.name) && !entry.name.endsWith(UNFINISHED))
        .map(({ name }) => name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  async read(name: string): Promise<Uint8Array> {
    const file = await this.open(name);
    try {
      const bytes = new Uint8Array(file.byteLength);
      for (let at = 0; at < bytes.length; at += PIECE) {
        const end = Math.min(bytes.length, at + PIECE);
        await file.read(at, end, { into: bytes.subarray(at, end) });
      }
      return bytes;
    } finally {
      await file.close();
    }
  }

  async open(name: string): Promise<OpenBlob> {
    return openFileSource(this.#path(name));
  }

  /** @throws {TrainingError} `not-written`; RangeError for a name with a folder in it */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const pieces = (async function* () {
      yield bytes;
    })();
    await this.writePieces(name, { byteLength: bytes.length, pieces });
  }

  /** @throws {TrainingError} `not-written`; RangeError for a name with a folder in it; errors of the pieces are passed on */
  async writePieces(name: string, { pieces }: BlobPieces): Promise<void> {
    const path = this.#path(name);
    const unfinished = path + UNFINISHED;
    let failure: { readonly error: unknown } | undefined;
    async function* watched(): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        yield* pieces;
      } catch (error) {
        failure = { error };
        throw error;
      }
    }
    try {
      await mkdir(this.directory, { recursive: true });
      await this.#removeUnfinished();
      const file = await open(unfinished, 'w');
      try {
        // Not `write`: on a full disk that may write a part and say so, where nobody looks.
        for await (const piece of watched()) await file.writeFile(piece);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
    } catch (error) {
      // A full disk, say: the half file must not take what room there is.
      await rm(unfinished, { force: true }).catch(() => {});
      if (failure) throw failure.error;
      throw new TrainingError(
        'not-written',
        `${path} could not be written (${messageOf(error)}). What was there before is intact; make room, or give another folder, and go on from it.`,
        { cause: error },
      );
    }
    await this.#syncDirectory();
  }

  async remove(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  #path(name: string): string {
    if (!isPlainName(name)) {
      throw new RangeError(`"${name}" is not a plain file name.`);
    }
    return join(this.directory, name);
  }

  async #removeUnfinished(): Promise<void> {
    for (const name of await readdir(this.directory)) {
      if (name.endsWith(UNFINISHED)) await rm(join(this.directory, name), { force: true });
    }
  }

  /** Makes the rename itself durable, where the platform lets a directory be opened (Windows does not). */
  async #syncDirectory(): Promise<void> {
    try {
      const directory = await open(this.directory, 'r');
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EISDIR' && code !== 'EPERM' && code !== 'EINVAL') throw error;
    }
  }
}

/** Hidden files, such as those that file managers leave in any folder, are none of a store's. */
function isPlainName(name: string): boolean {
  return name !== '' && name === basename(name) && !name.startsWith('.');
}
