/** Damage for the fuzzer: changes that turn a model into one that a hostile or broken program might write. */

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

/** A few random changes to an input: bits, bytes, words, pieces cut, doubled, moved in from another input. */
export function mutate(input: Uint8Array, other: Uint8Array, random: () => number): Uint8Array {
  let bytes = Array.from(input);
  const below = (limit: number): number => (limit <= 0 ? 0 : random() % limit);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(bytes.length);
    const length = 1 + below(12);
    switch (below(7)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
        break;
      case 1:
        bytes[at] = below(256);
        break;
      case 2: {
        const word = INTERESTING[below(INTERESTING.length)]!;
        bytes.splice(at, below(2) * word.length, ...word);
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
      default: {
        const from = below(other.length);
        bytes.splice(at, 0, ...other.subarray(from, from + length * 4));
      }
    }
  }
  return Uint8Array.from(bytes);
}
