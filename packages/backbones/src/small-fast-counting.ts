/**
 * Random numbers that are the same on every backend and machine. A generator is made from a seed and a name, so that each
 * parameter has a stream of its own: adding a layer to a network doesn't change how the others start.
 *
 * The generator is sfc32 of PractRand ("small fast counting"): 96 bits of state and a counter. Seed and name are hashed
 * into the state with FNV-1a, differently for each word.
 */
export class SmallFastCounting {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, name: string) {
    const key = `${seed}\u0000${name}`;
    this.#a = fnv1a(key, 0x811c9dc5);
    this.#b = fnv1a(key, 0x9e3779b9);
    this.#c = fnv1a(key, 0x243f6a88);
    // The first outputs still show the state; the generator's author discards as many.
    for (let i = 0; i < 15; i++) {
      this.uint32();
    }
  }

  /** Uniform among the integers of [0, 2^32). */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** Uniform in (0, 1): the middle of one of 2^32 equal steps. */
  uniform(): number {
    return (this.uint32() + 0.5) / 0x1_0000_0000;
  }

  /** Fills an array with draws from Normal(0, deviation), two at a time by the Box-Muller transform. */
  fillNormal(values: Float32Array, deviation: number): void {
    for (let i = 0; i < values.length; i += 2) {
      const radius = deviation * Math.sqrt(-2 * Math.log(this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      values[i] = radius * Math.cos(angle);
      if (i + 1 < values.length) {
        values[i + 1] = radius * Math.sin(angle);
      }
    }
  }

  /** Fills an array with draws from the uniform distribution over (-bound, bound). */
  fillUniform(values: Float32Array, bound: number): void {
    for (let i = 0; i < values.length; i++) {
      values[i] = bound * (2 * this.uniform() - 1);
    }
  }
}

function fnv1a(text: string, basis: number): number {
  let hash = basis;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash;
}
