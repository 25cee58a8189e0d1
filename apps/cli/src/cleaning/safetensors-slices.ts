/** Parts of a safetensors file that is too large to be read whole, or of which little is wanted: rows of a tensor, read when asked for. */
import { closeSync, openSync, readSync } from 'node:fs';
import { CommandError } from '../cli/usage-error.ts';

const LENGTH_BYTES = 8;
const MOST_HEADER_BYTES = 2 ** 24;
const ARRAYS = { F32: Float32Array, F64: Float64Array, I32: Int32Array, U8: Uint8Array } as const;
type ElementCode = keyof typeof ARRAYS;

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** An open file of this program's own making: no more is checked than that what is wanted is there. */
export class SafetensorsSlices {
  readonly metadata: Readonly<Record<string, string>>;
  readonly #path: string;
  // Held, so that all reads are of one file, even when another takes its name meanwhile.
  readonly #file: number;
  readonly #entries: Readonly<Record<string, Entry>>;
  readonly #dataStart: number;

  /** Close it when done. @throws {CommandError} when it is damaged */
  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'r');
    try {
      const bytes = this.#bytes(LENGTH_BYTES, 0);
      const length = new DataView(bytes.buffer).getBigUint64(0, true);
      if (length > MOST_HEADER_BYTES) throw this.#damaged();
      const header = new TextDecoder().decode(this.#bytes(Number(length), LENGTH_BYTES));
      const { __metadata__: metadata = {}, ...entries } = this.#parsed(header);
      this.metadata = metadata as unknown as Record<string, string>;
      this.#entries = entries;
      this.#dataStart = LENGTH_BYTES + Number(length);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Whether there is a tensor of that name. */
  has(name: string): boolean {
    return Object.hasOwn(this.#entries, name);
  }

  /**
   * Rows `from` to `to - 1` of a tensor of that type (all of them, if not given), one behind the other.
   *
   * @throws {CommandError} when they are not there
   */
  read<Code extends ElementCode>(
    code: Code,
    name: string,
    from = 0,
    to?: number,
  ): InstanceType<(typeof ARRAYS)[Code]> {
    const entry = this.#entries[name];
    if (entry?.dtype !== code) throw this.#damaged();
    const [rows = 1, ...rest] = entry.shape;
    const Kind = ARRAYS[code];
    const rowBytes = rest.reduce((product, size) => product * size, Kind.BYTES_PER_ELEMENT);
    const end = to ?? rows;
    if (from > end || end > rows) throw this.#damaged();
    const bytes = this.#bytes(
      (end - from) * rowBytes,
      this.#dataStart + entry.data_offsets[0] + from * rowBytes,
    );
    return new Kind(bytes.buffer) as InstanceType<(typeof ARRAYS)[Code]>;
  }

  #bytes(length: number, position: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const read = readSync(this.#file, bytes, done, length - done, position + done);
      if (read === 0) throw this.#damaged();
      done += read;
    }
    return bytes;
  }

  #parsed(header: string): Record<string, Entry> {
    try {
      const entries: unknown = JSON.parse(header);
      if (typeof entries === 'object' && entries !== null) return entries as Record<string, Entry>;
    } catch {}
    throw this.#damaged();
  }

  #damaged(): CommandError {
    return new CommandError(
      `${this.#path} is damaged: not all of it is there. Remove it, and run what makes it again.`,
    );
  }
}

/** Opens a file, reads from it, and closes it. */
export function readSlices<T>(path: string, read: (file: SafetensorsSlices) => T): T {
  const file = new SafetensorsSlices(path);
  try {
    return read(file);
  } finally {
    file.close();
  }
}
