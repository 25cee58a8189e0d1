/*
 * Keys of a million images, without a million strings: numbers as numbers, paths as one block of UTF-8 with the place where each
 * ends. Both kinds can be handed from a worker to a page without a copy.
 */

/** A column of keys: record keys, or paths. */
export type KeyColumn =
  | { readonly kind: 'number'; readonly values: Float64Array }
  | { readonly kind: 'text'; readonly bytes: Uint8Array; readonly ends: Float64Array };

const decoder = new TextDecoder();

/** The key of a row. */
export function keyAt(column: KeyColumn, row: number): number | string {
  if (column.kind === 'number') return column.values[row]!;
  const start = row === 0 ? 0 : column.ends[row - 1]!;
  return decoder.decode(column.bytes.subarray(start, column.ends[row]!));
}

/** Collects keys one by one. A column is of numbers until the first text comes; from then on all of it is text. */
export class KeyColumnBuilder {
  readonly #encoder = new TextEncoder();
  #values: Float64Array = new Float64Array(1024);
  #bytes: Uint8Array = new Uint8Array(0);
  #ends: Float64Array | undefined;
  #used = 0;
  #length = 0;

  add(key: number | string): void {
    if (this.#ends === undefined && typeof key === 'string') this.#becomeText();
    if (this.#ends === undefined) {
      if (this.#length === this.#values.length) this.#values = grown(this.#values, 2 * this.#length);
      this.#values[this.#length++] = key as number;
    } else {
      this.#addText(String(key));
    }
  }

  finish(): KeyColumn {
    if (this.#ends === undefined) return { kind: 'number', values: this.#values.slice(0, this.#length) };
    return {
      kind: 'text',
      bytes: this.#bytes.slice(0, this.#used),
      ends: this.#ends.slice(0, this.#length),
    };
  }

  #becomeText(): void {
    const numbers = this.#values.subarray(0, this.#length);
    this.#ends = new Float64Array(Math.max(1024, 2 * this.#length));
    this.#bytes = new Uint8Array(1 << 16);
    this.#length = 0;
    for (const value of numbers) this.#addText(String(value));
  }

  #addText(text: string): void {
    if (this.#length === this.#ends!.length) this.#ends = grown(this.#ends!, 2 * this.#length);
    // A UTF-16 unit takes three bytes at most.
    const needed = this.#used + 3 * text.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(2 * needed);
      larger.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = larger;
    }
    this.#used += this.#encoder.encodeInto(text, this.#bytes.subarray(this.#used)).written;
    this.#ends![this.#length++] = this.#used;
  }
}

function grown(column: Float64Array, length: number): Float64Array {
  const larger = new Float64Array(length);
  larger.set(column);
  return larger;
}
