// The structure of a traced graph as a row of integers: operations, attributes, shapes, dtypes, wiring and outputs,
// never numbers that flow through it. Two flushes with the same row run the same compiled model. The row is hashed to
// find the model and then compared, so a collision of the hash cannot run the wrong one.

import type { TraceAttributes, ValueType } from './trace-graph.ts';

const dtypeCodes = { float32: 1, int32: 2, bool: 3 } as const;

const integerTag = 0x11;
const floatTag = 0x12;
const booleanTag = 0x13;
const stringTag = 0x14;
const listTag = 0x15;

const floatBits = new Float64Array(1);
const floatWords = new Int32Array(floatBits.buffer);

/** A 32-bit number for a name, the same in every process (FNV-1a). */
export function nameCode(name: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash;
}

/** Collects the integers of one signature; reused from flush to flush. */
export class SignatureWriter {
  #words = new Int32Array(1 << 14);
  #length = 0;

  reset(): void {
    this.#length = 0;
  }

  word(word: number): void {
    if (this.#length === this.#words.length) {
      const larger = new Int32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[this.#length++] = word;
  }

  number(value: number): void {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.word(integerTag);
      this.word(value);
      return;
    }
    floatBits[0] = value;
    this.word(floatTag);
    this.word(floatWords[0]!);
    this.word(floatWords[1]!);
  }

  type({ shape, dtype }: ValueType): void {
    this.word((dtypeCodes[dtype] << 8) | shape.length);
    for (let i = 0; i < shape.length; i++) this.word(shape[i]!);
  }

  attributes(attributes: TraceAttributes): void {
    for (const name in attributes) {
      const value = attributes[name]!;
      if (typeof value === 'number') this.number(value);
      else if (typeof value === 'boolean') {
        this.word(booleanTag);
        this.word(value ? 1 : 0);
      } else if (typeof value === 'string') {
        this.word(stringTag);
        this.word(nameCode(value));
      } else {
        this.word(listTag);
        this.word(value.length);
        for (let i = 0; i < value.length; i++) this.number(value[i]!);
      }
    }
  }

  /** The words so far. The view is overwritten by the next signature: copy what must last. */
  view(): Int32Array {
    return this.#words.subarray(0, this.#length);
  }
}

/** A 64-bit hash of a signature, as text. */
export function hashSignature(words: Int32Array): string {
  let a = 0x9e3779b9 | 0;
  let b = 0x85ebca6b | 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    a = Math.imul(a ^ word, 0xcc9e2d51);
    a ^= a >>> 15;
    b = Math.imul((b << 13) ^ (b >>> 19) ^ word, 0x1b873593);
  }
  a = Math.imul(a ^ words.length, 0xc2b2ae35);
  a ^= a >>> 16;
  b ^= b >>> 13;
  return (a >>> 0).toString(16).padStart(8, '0') + (b >>> 0).toString(16).padStart(8, '0');
}

export function sameSignature(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
