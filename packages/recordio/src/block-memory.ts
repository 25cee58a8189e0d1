/**
 * Memory for the blocks of a scan. New memory for every block would cost more than reading the file does, since the
 * system has to clear each page of it first, so two pieces take turns: one is looked at while the other is read into.
 *
 * Before a piece is used again it is detached from all views of it: a payload that was held for too long is empty from
 * then on (its length is 0), and never shows the bytes of another record.
 */
export class BlockMemory {
  #next = new ArrayBuffer(0);
  #last = new ArrayBuffer(0);

  /** Memory of `length` bytes for the next block. What was taken before the last one is gone then. */
  take(length: number): Uint8Array {
    const oldest = this.#next;
    this.#next = this.#last;
    // Moves the memory to a new object, whatever its size; `ArrayBuffer.transfer` needs Node 22.
    const moved = structuredClone(oldest, { transfer: [oldest] });
    this.#last = moved.byteLength < length ? new ArrayBuffer(length) : moved;
    return new Uint8Array(this.#last, 0, length);
  }
}
