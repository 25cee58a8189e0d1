/**
 * Where bytes come from. Everything this package reads (records, indexes, packs) is read through these two members,
 * so memory, a file, a `Blob` and an HTTP server are all the same to it.
 */
export interface ByteSource {
  /** Size of the whole source in bytes. */
  readonly byteLength: number;

  /**
   * Reads the bytes `[start, end)`.
   *
   * Resolves to exactly `end - start` bytes, possibly a view of a larger buffer that must not be written to.
   *
   * @throws {RangeError} if the range is not within `[0, byteLength]`.
   */
  read(start: number, end: number, options?: ReadOptions): Promise<Uint8Array>;
}

/** Options of every asynchronous read. */
export interface ReadOptions {
  /** Aborts the read; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;

  /**
   * Memory of `end - start` bytes or more that the source may put the bytes into instead of making new, to resolve to a
   * view of it. Only the reader knows when nobody looks at it any more.
   */
  readonly into?: Uint8Array | undefined;
}
