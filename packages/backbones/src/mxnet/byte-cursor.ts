/** Reads little-endian values one after another and never past the end; every fault says what was read, and where. */
import { BackbonesError } from '../backbones-error.ts';

export class ByteCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #format: string;
  #offset = 0;

  constructor(bytes: Uint8Array, format: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#format = format;
  }

  get offset(): number {
    return this.#offset;
  }

  uint32(what: string): number {
    return this.#view.getUint32(this.#advance(4, what), true);
  }

  int32(what: string): number {
    return this.#view.getInt32(this.#advance(4, what), true);
  }

  /** A 64-bit word as a number, inexact above 2^53. */
  uint64(what: string): number {
    return Number(this.#view.getBigUint64(this.#advance(8, what), true));
  }

  /** A size of 64 bits: from 0 to 2^53. */
  size(what: string): number {
    const at = this.#offset;
    const value = Number(this.#view.getBigInt64(this.#advance(8, what), true));
    if (!Number.isSafeInteger(value) || value < 0) {
      throw this.fault(at, `${what}: ${value} is not a size`);
    }
    return value;
  }

  /** A number of things that take at least so many bytes each: never more than fit into what is left. */
  count(what: string, minimumBytes: number): number {
    const at = this.#offset;
    const value = this.uint64(`the number of ${what}`);
    const left = this.#bytes.length - this.#offset;
    if (value * minimumBytes > left) {
      throw this.fault(
        at,
        `claims ${value} ${what}, but only ${left} bytes are left; is the file cut short?`,
      );
    }
    return value;
  }

  text(length: number, what: string): string {
    const at = this.#offset;
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.take(length, what));
    } catch (error) {
      throw error instanceof BackbonesError ? error : this.fault(at, `${what} is not UTF-8`);
    }
  }

  /** A view of the next bytes. */
  take(length: number, what: string): Uint8Array {
    const start = this.#advance(length, what);
    return this.#bytes.subarray(start, start + length);
  }

  skip(length: number, what: string): void {
    this.#advance(length, what);
  }

  fault(offset: number, message: string): BackbonesError {
    return new BackbonesError('invalid-file', `${this.#format}: ${message} (byte ${offset})`, { offset });
  }

  #advance(length: number, what: string): number {
    const start = this.#offset;
    const left = this.#bytes.length - start;
    if (length > left) {
      throw this.fault(start, `${what} needs ${length} bytes, ${left} are left; is the file cut short?`);
    }
    this.#offset += length;
    return start;
  }
}
