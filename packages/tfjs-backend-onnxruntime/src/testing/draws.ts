// Random choices for tests, the same in every run: of shapes, of options, and of tensors with the hard numbers among the others.

import * as tf from '@tensorflow/tfjs-core';

type DType = 'float32' | 'int32' | 'bool';

/** A tensor that is made anew on each backend. */
export interface Given {
  readonly values: Float32Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Whether it comes out of a convolution, so that a backend may have it in another memory layout. */
  readonly isConvolved?: boolean;
}

/** Channels that fill whole blocks of the blocked layout, whichever block the processor has. */
export const blockedChannels = 16;

const specials = [
  Number.NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  -2.5,
  1e-30,
  -40,
  40,
  3e38,
  -3e38,
];
const finite = specials.filter((x) => Number.isFinite(x) && Math.abs(x) < 1e30);
const wide = [0, -1, 1, 2 ** 31 - 1, -(2 ** 31), 2 ** 24 + 1, -(2 ** 24) - 1];

export class Draws {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b9) | 0;
  }

  /** In [0, 1). */
  #unit(): number {
    // Mulberry32.
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends among them. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.#unit() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.#unit() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)]!;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const left = [...list];
    return list.map(() => left.splice(this.integer(0, left.length - 1), 1)[0]!);
  }

  /** A shape of so many axes; now and then one of them has no length. */
  shape(lowest = 0, highest = 6, withEmpty = true): number[] {
    const rank = this.integer(lowest, highest);
    const longest = rank > 4 ? 3 : 5;
    const shape = Array.from({ length: rank }, () => this.integer(1, longest));
    if (rank > 0 && withEmpty && this.chance(0.1)) shape[this.integer(0, rank - 1)] = 0;
    return shape;
  }

  /** Floats with everything among them that is special. */
  hard(shape: readonly number[]): Given {
    return this.floats(shape, 4, specials);
  }

  /** Floats of moderate size, zeros and halves among them. */
  plain(shape: readonly number[], scale = 3): Given {
    return this.floats(shape, scale, finite);
  }

  floats(shape: readonly number[], scale: number, others: readonly number[] = []): Given {
    const values = Float32Array.from({ length: sizeOf(shape) }, () =>
      others.length > 0 && this.chance(0.15) ? this.pick(others) : (2 * this.#unit() - 1) * scale,
    );
    return { values, shape, dtype: 'float32' };
  }

  /** Floats of which no two are equal. */
  distinct(shape: readonly number[]): Given {
    const size = sizeOf(shape);
    const order = this.shuffled(Array.from({ length: size }, (_, i) => (i - size / 2) / 8));
    return { values: Float32Array.from(order), shape, dtype: 'float32' };
  }

  positive(shape: readonly number[]): Given {
    const { values, ...rest } = this.floats(shape, 3);
    return { ...rest, values: Float32Array.from(values, (x) => Math.abs(x) + 0.1) };
  }

  integers(shape: readonly number[], low = -6, high = 6): Given {
    const values = Int32Array.from({ length: sizeOf(shape) }, () => this.integer(low, high));
    return { values, shape, dtype: 'int32' };
  }

  /** Integers with the largest and least among them, and some that a float32 does not hold. */
  wideIntegers(shape: readonly number[]): Given {
    const values = Int32Array.from({ length: sizeOf(shape) }, () =>
      this.chance(0.3) ? this.pick(wide) : this.integer(-9, 9),
    );
    return { values, shape, dtype: 'int32' };
  }

  bools(shape: readonly number[]): Given {
    const values = Uint8Array.from({ length: sizeOf(shape) }, () => this.integer(0, 1));
    return { values, shape, dtype: 'bool' };
  }

  /** An image; often one with channels in whole blocks that comes out of a convolution. */
  image(of: (shape: readonly number[]) => Given, channels?: number): Given {
    const isConvolved = this.chance(0.5);
    const count = channels ?? (isConvolved ? blockedChannels : this.integer(1, 5));
    const given = of([this.integer(1, 2), this.integer(3, 8), this.integer(3, 8), count]);
    return { ...given, isConvolved: isConvolved && given.dtype === 'float32' };
  }

  /** Two or more shapes that broadcast to the last one given. */
  broadcast(count: number, whole = this.shape()): number[][] {
    return Array.from({ length: count }, (_, i) => {
      if (i === 0) return [...whole];
      const cut = whole.slice(this.chance(0.3) ? this.integer(0, whole.length) : 0);
      return cut.map((size) => (this.chance(0.25) ? 1 : size));
    });
  }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The tensor, on the current backend. */
export function tensorOf({ values, shape, dtype, isConvolved }: Given): tf.Tensor {
  const tensor = tf.tensor(values, [...shape], dtype);
  if (!isConvolved) return tensor;
  // A convolution that changes nothing.
  const ones = tf.ones<tf.Rank.R4>([1, 1, shape[3]!, 1]);
  return tf.depthwiseConv2d(tensor as tf.Tensor4D, ones, 1, 'valid');
}
