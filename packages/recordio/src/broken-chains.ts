/**
 * The parts that salvaging has followed in vain. In a hostile file thousands of first parts can lead to one long chain of
 * middle parts that never ends; each frame of such a chain is followed once, and whoever comes to it again stops there.
 */
import {
  FIRST_PART,
  FRAME_BYTES,
  MIDDLE_PART,
  paddedLength,
  partFlag,
  partLength,
  RECORD_MAGIC,
  readUint32,
} from './record-frame.ts';

/** One bit for each multiple of 4, in pages that are made when one of their bits is set. */
const PAGE_BYTES = 1 << 20;

export class BrokenChains {
  readonly #pages = new Map<number, Uint32Array>();

  /**
   * Offset of the first known broken part that the record at `block[at]` leads to.
   *
   * @param base - offset of the block in the file
   */
  reachedFrom(block: Uint8Array, at: number, base: number): number | undefined {
    if (this.#pages.size > 0) {
      for (const part of partsFrom(block, at)) {
        if (this.#has(base + part)) {
          return base + part;
        }
      }
    }
    return undefined;
  }

  /** Remembers the parts of the record at `block[at]`, which is not whole. */
  add(block: Uint8Array, at: number, base: number): void {
    for (const part of partsFrom(block, at)) {
      const offset = base + part;
      if (this.#has(offset)) {
        return;
      }
      const [page, word, bit] = place(offset);
      const bits = this.#pages.get(page) ?? new Uint32Array(PAGE_BYTES / 128);
      bits[word]! |= bit;
      this.#pages.set(page, bits);
    }
  }

  #has(offset: number): boolean {
    const [page, word, bit] = place(offset);
    return ((this.#pages.get(page)?.[word] ?? 0) & bit) !== 0;
  }
}

function place(offset: number): readonly [page: number, word: number, bit: number] {
  const within = (offset % PAGE_BYTES) / 4;
  return [Math.floor(offset / PAGE_BYTES), within >>> 5, 1 << (within & 31)];
}

/** Where the middle parts stand that follow the first part at `block[at]`, as far as the block goes. */
function* partsFrom(block: Uint8Array, at: number): Generator<number> {
  for (let flag = FIRST_PART, next = at; ; ) {
    if (
      next + FRAME_BYTES > block.length ||
      readUint32(block, next) !== RECORD_MAGIC ||
      partFlag(readUint32(block, next + 4)) !== flag
    ) {
      return;
    }
    if (next > at) {
      yield next;
    }
    flag = MIDDLE_PART;
    next += FRAME_BYTES + paddedLength(partLength(readUint32(block, next + 4)));
  }
}
