/** A column of numbers of unknown length, 8 bytes each, where an array of numbers would take more. */
export class GrowingColumn {
  length = 0;
  #values = new Float64Array(1024);

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  toArray(): Float64Array<ArrayBuffer> {
    return this.#values.slice(0, this.length);
  }
}
