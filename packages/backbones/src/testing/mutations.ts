/** Damage to files, drawn from a seed: what a fuzz test feeds a reader. */
import { SmallFastCounting } from '../small-fast-counting.ts';

/** Numbers that lie about lengths: nothing, the limits of widths, and just beyond. */
const LIARS = [0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

export class Mutations {
  readonly #random: SmallFastCounting;

  constructor(seed: number) {
    this.#random = new SmallFastCounting(seed, 'mutations');
  }

  below(limit: number): number {
    return Math.floor(this.#random.uniform() * limit);
  }

  /** A damaged copy: up to four bits, words, cuts, doubled or removed stretches. Damage is likelier near the front. */
  bytes(original: Uint8Array): Uint8Array {
    let bytes: Uint8Array = original.slice();
    for (let count = 1 + this.below(4); count > 0; count--) {
      bytes = this.#damaged(bytes);
    }
    return bytes;
  }

  /** A damaged copy of a text, still text. */
  text(original: string): string {
    return Buffer.from(this.bytes(Buffer.from(original))).toString('utf8');
  }

  #damaged(bytes: Uint8Array): Uint8Array {
    const at = this.#position(bytes.length);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    switch (this.below(6)) {
      case 0:
        if (bytes.length > 0) bytes[at]! ^= 1 << this.below(8);
        return bytes;
      case 1:
        if (bytes.length > 0) bytes[at] = this.below(256);
        return bytes;
      case 2:
        if (at + 4 <= bytes.length) view.setUint32(at, LIARS[this.below(LIARS.length)]!, true);
        return bytes;
      case 3:
        return bytes.slice(0, at);
      case 4: {
        const end = at + this.below(Math.min(64, bytes.length - at) + 1);
        return joined(bytes.subarray(0, end), bytes.subarray(at));
      }
      default: {
        const end = at + this.below(Math.min(64, bytes.length - at) + 1);
        return joined(bytes.subarray(0, at), bytes.subarray(end));
      }
    }
  }

  #position(length: number): number {
    return this.below(this.below(3) === 0 ? length : Math.min(length, 256));
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
