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

/** A few random changes to an input: bits, bytes, words, pieces cut, doubled, moved in from another input. */
export function mutate(input: Uint8Array, other: Uint8Array, random: RandomBits): Uint8Array {
  let bytes: number[] = Array.from(input);
  const below = (limit: number): number => (limit <= 0 ? 0 : random.next() % limit);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(bytes.length);
    const length = 1 + below(12);
    switch (below(8)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
        break;
      case 1:
        bytes[at] = below(256);
        break;
      case 2: {
        const word = INTERESTING[below(INTERESTING.length)]!;
        bytes.splice(below(2) === 0 ? at : at & ~3, below(2) === 0 ? word.length : 0, ...word);
        break;
      }
      case 3:
        bytes.splice(at, length);
        break;
      case 4:
        bytes.splice(at, 0, ...bytes.slice(at, at + length * 4));
        break;
      case 5:
        bytes = bytes.slice(0, at);
        break;
      case 6: {
        const from = below(other.length);
        bytes.splice(at, 0, ...other.subarray(from, from + length * 4));
        break;
      }
      default: {
        const digit = below(10) + 48;
        bytes.splice(at, below(2), digit);
      }
    }
  }
  return Uint8Array.from(bytes);
}
