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

/**
 * Opens a file for reading. Its size is taken now; a file that has shrunk by the time it is read is an error.
 *
 * @throws RecordIOError `not-found` or `read-failed`, with the path
 */
export async function openFileSource(path: string): Promise<FileSource> {
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
    return fileSource(file, path, stat.size);
  } catch (error) {
    await file.close();
    throw error;
  }
}

function fileSource(file: FileHandle, path: string, byteLength: number): FileSource {
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
      // Not from the pool: views of this memory are handed out, and should not keep strangers' bytes alive.
      const bytes = Buffer.allocUnsafeSlow(end - start);
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await readAt(file, bytes, filled, start + filled, path);
        options?.signal?.throwIfAborted();
        if (bytesRead === 0) {
          throw new RecordIOError(
            'read-failed',
            `${path} ends at byte ${start + filled}: it was cut short while in use`,
            {
              path,
              offset: start + filled,
            },
          );
        }
        filled += bytesRead;
      }
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    },
    async close() {
      if (!closed) {
        closed = true;
        await file.close();
      }
    },
  };
}

async function readAt(file: FileHandle, bytes: Buffer, at: number, position: number, path: string) {
  try {
    return await file.read(bytes, at, bytes.length - at, position);
  } catch (error) {
    throw fileError('read-failed', `Cannot read ${path} at byte ${position}`, path, error);
  }
}
