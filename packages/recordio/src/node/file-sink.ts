import { type FileHandle, open } from 'node:fs/promises';
import { fileError } from './file-error.ts';

/**
 * A `WritableStream` into a new file. Closing it flushes to the disk; aborting closes the file and leaves what is there.
 *
 * @throws RecordIOError `write-failed` (a full disk, say) from the writes
 */
export async function openFileSink(path: string): Promise<WritableStream<Uint8Array>> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx');
  } catch (error) {
    throw fileError('write-failed', `Cannot create ${path}`, path, error);
  }
  return new WritableStream<Uint8Array>(
    {
      async write(chunk) {
        try {
          await writeFully(file, chunk);
        } catch (error) {
          await file.close().catch(() => {});
          throw fileError('write-failed', `Cannot write ${path}`, path, error);
        }
      },
      async close() {
        try {
          await file.sync();
          await file.close();
        } catch (error) {
          await file.close().catch(() => {});
          throw fileError('write-failed', `Cannot write ${path}`, path, error);
        }
      },
      async abort() {
        await file.close().catch(() => {});
      },
    },
    // Two chunks may be under way: one being written, one being filled.
    new CountQueuingStrategy({ highWaterMark: 2 }),
  );
}

async function writeFully(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, at, chunk.length - at);
    at += bytesWritten;
  }
}
