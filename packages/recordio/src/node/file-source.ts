import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ByteSource } from '../byte-source.ts';
import { RecordIOError } from '../errors.ts';
import { checkRange } from '../memory-source.ts';
import { fileError } from './file-error.ts';

/** A file as a {@link ByteSource}. */
export interface FileSource extends ByteSource {
  readonly path: string;
  /** Closes the file. Reading afterwards is an error. */
  close(): Promise<void>;
}

/** Options of {@link openFileSource}. */
export interface FileSourceOptions {
  /**
   * Reads of at most this many bytes are done at once instead of in another thread. That takes a tenth of the time when
   * the file is in the system's cache, but everything else waits while the disk is busy. Default 0: never.
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
    file = await open(path, 'r');
  } catch (error) {
    throw fileError('read-failed', `Cannot open ${path}`, path, error);
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) {
      throw new RecordIOError('read-failed', `${path} is not a regular file`, { path });
    }
    return fileSource(file, path, stat.size, options.synchronousBytes ?? 0);
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
      const { into } = options ?? {};
      // Not from Node's pool: views of this memory are handed out, and should not keep strangers' bytes alive.
      const bytes =
        into !== undefined && into.length >= length
          ? Buffer.from(into.buffer, into.byteOffset, length)
          : Buffer.allocUnsafeSlow(length);
      for (let filled = 0; filled < length; ) {
        const position = start + filled;
        const bytesRead =
          length <= synchronousBytes
            ? readAtOnce(file, bytes, filled, position, path)
            : await readAt(file, bytes, filled, position, path);
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
      return new Uint8Array(bytes.buffer, bytes.byteOffset, length);
    },
    async close() {
      if (!closed) {
        closed = true;
        await file.close();
      }
    },
  };
}

async function readAt(
  file: FileHandle,
  bytes: Buffer,
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

function readAtOnce(file: FileHandle, bytes: Buffer, at: number, position: number, path: string): number {
  try {
    return readSync(file.fd, bytes, at, bytes.length - at, position);
  } catch (error) {
    throw fileError('read-failed', `Cannot read ${path} at byte ${position}`, path, error);
  }
}
