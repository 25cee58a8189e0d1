/** Writing RecordIO: frames into any `WritableStream`, with the offsets that an index needs. */
import { framedLength, splitPayload, writeFrames } from './record-frame.ts';

const CHUNK_BYTES = 1 << 20;

/** Options of {@link RecordWriter}. */
export interface RecordWriterOptions {
  /** Bytes gathered before they are handed to the stream. Default 1 MiB. */
  readonly chunkBytes?: number | undefined;
}

/**
 * Writes records one after another, byte for byte as MXNet does.
 *
 * Small records are gathered into chunks, each in memory of its own; a write resolves when the stream is ready for
 * more, so a slow sink holds the writer back and memory stays at a few chunks.
 */
export class RecordWriter {
  #offset = 0;
  #chunk: Uint8Array;
  #filled = 0;
  readonly #chunkBytes: number;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(stream: WritableStream<Uint8Array>, options: RecordWriterOptions = {}) {
    this.#chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
    this.#chunk = new Uint8Array(this.#chunkBytes);
    this.#writer = stream.getWriter();
    // A failed sink is reported by the next write or close; without this it would also be an unhandled rejection.
    this.#writer.closed.catch(() => {});
  }

  /** Byte offset at which the next record will start. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Appends a record. The payload may be changed once the promise has resolved.
   *
   * @returns the byte offset at which the record starts
   */
  write(payload: Uint8Array): number | Promise<number> {
    const parts = splitPayload(payload);
    const bytes = framedLength(parts);
    const start = this.#offset;
    if (this.#filled + bytes <= this.#chunk.length) {
      this.#filled = writeFrames(payload, parts, this.#chunk, this.#filled);
      this.#offset += bytes;
      return start;
    }
    return this.#writeAfterFlush(payload, parts, bytes);
  }

  async #writeAfterFlush(
    payload: Uint8Array,
    parts: ReturnType<typeof splitPayload>,
    bytes: number,
  ): Promise<number> {
    const start = this.#offset;
    const chunk = this.#takeChunk();
    this.#chunk = new Uint8Array(Math.max(bytes, this.#chunkBytes));
    this.#filled = writeFrames(payload, parts, this.#chunk, 0);
    this.#offset += bytes;
    await this.#send(chunk);
    return start;
  }

  /** Writes what is left and closes the stream. */
  async close(): Promise<void> {
    await this.#send(this.#takeChunk());
    await this.#writer.close();
  }

  /** Gives up: the stream is told to discard what it has. */
  async abort(reason?: unknown): Promise<void> {
    await this.#writer.abort(reason).catch(() => {});
  }

  #takeChunk(): Uint8Array {
    const chunk = this.#chunk.subarray(0, this.#filled);
    this.#filled = 0;
    return chunk;
  }

  async #send(chunk: Uint8Array): Promise<void> {
    if (chunk.length > 0) {
      await this.#writer.ready;
      // Its failure also rejects `ready` and `closed`, where it is noticed.
      this.#writer.write(chunk).catch(() => {});
      await this.#writer.ready;
    }
  }
}
