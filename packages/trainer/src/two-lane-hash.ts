/** FNV-1a over whole numbers in two 32-bit lanes: tells one list of numbers from another. Not cryptographic. */
export class TwoLaneHash {
  #a = 0x811c9dc5;
  #b = 0x050c5d1f;

  add(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x01000193);
    this.#b = Math.imul(this.#b ^ (value + 0x5bd1), 0x01000193);
  }

  /** 16 hexadecimal digits. */
  get digits(): string {
    return [this.#a, this.#b].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
