/** Damage to records and what belongs to them. */
import { mutate as mutateWith } from '@arcface-tooling/mutations';
import type { RandomBits } from '../random-order.ts';

/** Words that tend to hurt: the magic with each part flag's neighbourhood, extremes, signs, separators. */
const INTERESTING: readonly (readonly number[])[] = [
  [0x0a, 0x23, 0xd7, 0xce],
  [0x0a, 0x23, 0xd7, 0xce, 0, 0, 0, 0x20],
  [0x0a, 0x23, 0xd7, 0xce, 0, 0, 0, 0x40],
  [0x0a, 0x23, 0xd7, 0xce, 0, 0, 0, 0x60],
  [0x0a, 0x23, 0xd7, 0xce, 0xff, 0xff, 0xff, 0x1f],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0, 0, 0, 0],
  [0, 0, 0x80, 0x7f],
  [0, 0, 0x80, 0x4b],
  [0x0a],
  [0x09],
  [0x28],
  [0x94],
  [0x74],
  [0x52],
];

/** A few random changes to a record file, an index, a list or a pack. */
export function mutate(input: Uint8Array, other: Uint8Array, random: RandomBits): Uint8Array {
  return mutateWith(input, other, { interesting: INTERESTING, random: () => random.next() });
}
