/** A new file as a stream, on the disk when it is closed. */
import { type FileHandle, open } from 'node:fs/promises';
import { fileError } from './file-error.ts';

/**
 * A `WritableStream` into a new file. Closing it flushes to the disk; aborting closes the file and leaves what is there.
 *
 * @throws RecordIOError `write-failed` (a full disk, say) from the writes
 */
export async function openFileSink(path: string): Promise<WritableStream<Uint8Array>> {
  return (await openDiscardableSink(path)).stream;
}

/** A stream into a file, and a way to close the file that does not need the lock that a writer has on the stream. */
export interface DiscardableSink {
  readonly stream: WritableStream<Uint8Array>;
  discard(reason: unknown): Promise<void>;
}

/** As {@link openFileSink}, for whoever hands the stream to others and cannot know whether they have let go of it. */
export async function openDiscardableSink(path: string): Promise<DiscardableSink> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx');
  } catch (error) {
    throw fileError('write-failed', `Cannot create ${path}`, path, error);
  }
  let fail: (reason: unknown) => void = () => {};
  const stream = new WritableStream<Uint8Array>(
    {
      start(controller) {
        fail = (reason) => controller.error(reason);
      },
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
  return {
    stream,
    async discard(reason) {
      fail(reason);
      await file.close().catch(() => {});
    },
  };
}

async function writeFully(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, at, chunk.length - at);
    at += bytesWritten;
  }
}
