/** A `Blob` (or `File`, as from a file input or a drop) as a {@link ByteSource}: read piece by piece, never whole. */
import type { ByteSource } from './byte-source.ts';
import { RecordIOError } from './errors.ts';
import { checkRange } from './memory-source.ts';

/** @throws RecordIOError `read-failed` from the reads, if the file behind the blob has changed or gone */
export function blobSource(blob: Blob): ByteSource {
  return {
    byteLength: blob.size,
    async read(start, end, options) {
      options?.signal?.throwIfAborted();
      checkRange(blob.size, start, end);
      let buffer: ArrayBuffer;
      try {
        buffer = await blob.slice(start, end).arrayBuffer();
      } catch (cause) {
        throw new RecordIOError(
          'read-failed',
          `Cannot read bytes [${start}, ${end}) of the file: has it changed?`,
          {
            offset: start,
            cause,
          },
        );
      }
      options?.signal?.throwIfAborted();
      if (buffer.byteLength !== end - start) {
        throw new RecordIOError(
          'read-failed',
          `The file gave ${buffer.byteLength} bytes instead of ${end - start}`,
          {
            offset: start,
          },
        );
      }
      return new Uint8Array(buffer);
    },
  };
}
