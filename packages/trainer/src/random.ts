/**
 * Random numbers that can be repeated. A {@link Random} is made from a seed and a *path* of names and numbers, such as
 * `Random.of(seed, 'augmentation', epoch, position)`: whoever asks for the same path gets the same numbers, whatever
 * else was drawn before and in whatever order work finishes. A run can thus be resumed without saving the state of any
 * generator, although {@link Random.state} allows that too.
 *
 * The generator is sfc32 (Chris Doty-Humphrey's PractRand): 128 bits of state, a period of at least 2^32, fast in
 * JavaScript's 32-bit integers. The path is hashed into its state with a 32-bit FNV-1a and MurmurHash3's finaliser.
 */

/** Everything that is needed to go on from a place in a stream: four unsigned 32-bit integers, fit for JSON. */
export type RandomState = readonly [number, number, number, number];

/** A stream of random numbers that a seed and a path make repeatable. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  private constructor(state: RandomState) {
    this.#a = state[0] | 0;
    this.#b = state[1] | 0;
    this.#c = state[2] | 0;
    this.#counter = state[3] | 0;
  }

  /** The generator for a seed and a path below it. */
  static of(seed: number, ...path: readonly (number | string)[]): Random {
    const text = [seed, ...path].join('\u0000');
    const random = new Random([hash(text, 0x9e3779b9), hash(text, 0x243f6a88), hash(text, 0xb7e15162), 1]);
    // The first outputs still show the structure of the state; the author of sfc32 discards twelve.
    for (let i = 0; i < 12; i++) random.uint32();
    return random;
  }

  /** Continues where {@link Random.state} was taken. */
  static fromState(state: RandomState): Random {
    return new Random(state);
  }

  /** Where the stream is now; {@link Random.fromState} goes on from there. */
  get state(): RandomState {
    return [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#counter >>> 0];
  }

  /** Uniform integer in [0, 2^32). */
  uint32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** Uniform in [0, 1), a multiple of 2^-32. */
  float(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.float();
  }

  /** Uniform integer in [0, bound), without the bias of a plain remainder. `bound` is at most 2^32. */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0x1_0000_0000) {
      throw new RangeError(`Random.integer needs a bound in 1..2^32, got ${bound}.`);
    }
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % bound;
  }
}

function hash(text: string, seed: number): number {
  let h = seed | 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
