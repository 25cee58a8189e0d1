/** Bytes in memory as a source, and the check of a range that every source makes. */
import type { ByteSource } from './byte-source.ts';

/** A {@link ByteSource} over bytes that are in memory already. Reads are views of `bytes`, never copies. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    byteLength: bytes.byteLength,
    async read(start, end, options) {
      options?.signal?.throwIfAborted();
      checkRange(bytes.byteLength, start, end);
      return bytes.subarray(start, end);
    },
  };
}

/** Throws the `RangeError` that {@link ByteSource.read} promises. For those who write a source of their own. */
export function checkRange(byteLength: number, start: number, end: number): void {
  if (
    !(
      Number.isSafeInteger(start) &&
      Number.isSafeInteger(end) &&
      start >= 0 &&
      start <= end &&
      end <= byteLength
    )
  ) {
    throw new RangeError(`Bytes [${start}, ${end}) are not within a source of ${byteLength} bytes`);
  }
}
