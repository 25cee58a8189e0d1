/** Damage for fuzz tests: changes that turn a file into one that a broken disk or a hostile program might leave. */

/** What the readers of a format are likely to trip over. */
export interface Mutation {
  /** Pieces that tend to hurt in this format: lengths past the end, extremes, its magic numbers. */
  readonly interesting: readonly (readonly number[])[];
  /** Whole numbers from 0 to 2^32. */
  readonly random: () => number;
}

/** A few random changes to an input: bits, bytes, pieces that hurt, pieces cut, doubled, moved in from another input, digits. */
export function mutate(input: Uint8Array, other: Uint8Array, { interesting, random }: Mutation): Uint8Array {
  let bytes = Array.from(input);
  const below = (limit: number): number => (limit <= 0 ? 0 : random() % limit);
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
        const piece = interesting[below(interesting.length)]!;
        // Words of many formats stand at multiples of four.
        bytes.splice(below(2) === 0 ? at : at & ~3, below(2) * piece.length, ...piece);
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
      default:
        bytes.splice(at, below(2), 48 + below(10));
    }
  }
  return Uint8Array.from(bytes);
}
