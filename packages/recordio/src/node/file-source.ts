/** Parts of a file, read in the way that is quick for where the file is: in memory or on a disk. */
import { readSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { ByteSource } from '../byte-source.ts';
import { RecordIOError } from '../errors.ts';
import { checkRange } from '../memory-source.ts';
import { fileError } from './file-error.ts';
import { ReadPace } from './read-pace.ts';

const DEFAULT_SYNCHRONOUS_BYTES = 1 << 16;

/** A file as a {@link ByteSource}. */
export interface FileSource extends ByteSource {
  readonly path: string;
  /** Closes the file. Reading afterwards is an error. */
  close(): Promise<void>;
}

/** Options of {@link openFileSource}. */
export interface FileSourceOptions {
  /**
   * Reads of at most this many bytes are done on the calling thread for as long as they are quick, that is, while the
   * system has the file in its memory: that takes a tenth of the time of the way through one of Node's threads. When a read
   * turns out to wait for the disk, the next ones go that way. Default 64 KiB; 0 for never.
   */
  readonly synchronousBytes?: number | undefined;
}

/**
 * Opens a file for reading. Its size is taken now; a file that has shrunk by the time it is read is an error.
 *
 * @throws RecordIOError `not-found` or `read-failed`, with the path
 */
export async function openFileSource(path: string, options: FileSourceOptions = {}): Promise<FileSource> {
  let file: FileHandle;
  try {
    // Before it is opened: opening a pipe waits for somebody who writes into it.
    if (!(await stat(path)).isFile()) {
      throw new RecordIOError('read-failed', `${path} is not a regular file`, { path });
    }
    file = await open(path, 'r');
  } catch (error) {
    throw error instanceof RecordIOError
      ? error
      : fileError('read-failed', `Cannot open ${path}`, path, error);
  }
  try {
    const { size } = await file.stat();
    return fileSource(file, path, size, options.synchronousBytes ?? DEFAULT_SYNCHRONOUS_BYTES);
  } catch (error) {
    await file.close();
    throw error;
  }
}

function fileSource(
  file: FileHandle,
  path: string,
  byteLength: number,
  synchronousBytes: number,
): FileSource {
  let closed = false;
  const pace = new ReadPace();
  return {
    path,
    byteLength,
    async read(start, end, options) {
      options?.signal?.throwIfAborted();
      checkRange(byteLength, start, end);
      if (closed) {
        throw new RecordIOError('closed', `${path} was closed`, { path });
      }
      const length = end - start;
      const into = options?.into;
      // Not from Node's pool: views of this memory are handed out, and should not keep strangers' bytes alive.
      const bytes =
        into !== undefined && into.length >= length
          ? into.subarray(0, length)
          : new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
      for (let filled = 0; filled < length; ) {
        const position = start + filled;
        const read =
          length > synchronousBytes
            ? readElsewhere(file, bytes, filled, position, path)
            : pace.read(
                () => readHere(file, bytes, filled, position, path),
                () => readElsewhere(file, bytes, filled, position, path),
              );
        // Every `await` costs a turn, which is what a quick read is meant to save.
        const bytesRead = typeof read === 'number' ? read : await read;
        options?.signal?.throwIfAborted();
        if (bytesRead === 0) {
          throw new RecordIOError(
            'read-failed',
            `${path} ends at byte ${position}: it was cut short while in use`,
            {
              path,
              offset: position,
            },
          );
        }
        filled += bytesRead;
      }
      return bytes;
    },
    async close() {
      if (!closed) {
        closed = true;
        await file.close();
      }
    },
  };
}

async function readElsewhere(
  file: FileHandle,
  bytes: Uint8Array,
  at: number,
  position: number,
  path: string,
): Promise<number> {
  try {
    return (await file.read(bytes, at, bytes.length - at, position)).bytesRead;
  } catch (error) {
    throw fileError('read-failed', `Cannot read ${path} at byte ${position}`, path, error);
  }
}

function readHere(file: FileHandle, bytes: Uint8Array, at: number, position: number, path: string): number {
  try {
    return readSync(file.fd, bytes, at, bytes.length - at, position);
  } catch (error) {
    throw fileError('read-failed', `Cannot read ${path} at byte ${position}`, path, error);
  }
}
