/** Damage for the fuzzer: changes that turn a model into one that a hostile or broken program might write. */
import { mutate as mutateWith } from '@arcface-tooling/mutations';

/** Words that tend to hurt: long varints, lengths past the end, tags of every wire type. */
const INTERESTING: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40],
  [0x80],
  [0x00],
  [0x08, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x3a, 0x00],
  [0x0b],
  [0x0c],
  [0x7a, 0x7f],
];

/** A stream of numbers from 0 to 2^32: Marsaglia's xorshift32. */
export function xorshift(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** A few random changes to a model's file. */
export function mutate(input: Uint8Array, other: Uint8Array, random: () => number): Uint8Array {
  return mutateWith(input, other, { interesting: INTERESTING, random });
}
