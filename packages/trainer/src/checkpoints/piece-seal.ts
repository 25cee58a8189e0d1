/**
 * The seal of a checkpoint: SHA-256 digests of its pieces, as the last tensor of the file (`sha256`, uint8 [1 + pieces, 32]). Row 0 is of
 * the header with its length, row i + 1 of piece i of the values in front of the seal; a piece has 16 MiB, the last one what is left.
 * Together they cover every byte, those of the digests themselves included: a digest that was altered no longer is that of its piece.
 *
 * So a file can be written front to back without being in memory, and what is read of it can be checked without reading the rest.
 */
import type { NamedArray, SafetensorsEntry, SafetensorsHeader } from '@arcface/backbones';
import type { ByteSource } from '@arcface/recordio';
import { sha256 } from './sha256.ts';

/** Name of the tensor with the digests. */
export const SEAL_TENSOR = 'sha256';
/** Bytes of a piece. Files depend on it. */
const PIECE = 1 << 24;
const DIGEST = 32;

/** The tensor behind so many bytes of values. */
export function sealTensor(valueBytes: number): Omit<NamedArray, 'data'> {
  return { name: SEAL_TENSOR, dtype: 'uint8', shape: [1 + Math.ceil(valueBytes / PIECE), DIGEST] };
}

/**
 * A whole file, piece by piece: header, values, seal. A piece is to be taken before the next is asked for, which takes its place.
 *
 * @param header of a file whose last tensor is {@link sealTensor}
 * @param values the values in front of it, cut anywhere; `valueBytes` of them
 */
export async function* sealedPieces(
  header: Uint8Array,
  values: AsyncIterable<Uint8Array>,
  valueBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const digests = [await sha256(header)];
  yield header;
  for await (const piece of evenPieces(values, valueBytes)) {
    digests.push(await sha256(piece));
    yield piece;
  }
  const seal = new Uint8Array(digests.length * DIGEST);
  digests.forEach((digest, i) => {
    seal.set(digest, i * DIGEST);
  });
  yield seal;
}

/** The same bytes, cut at multiples of a piece, each in the place of the one before: a file of gigabytes leaves nothing for the collector. */
async function* evenPieces(
  values: AsyncIterable<Uint8Array>,
  valueBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const room = new Uint8Array(Math.min(PIECE, valueBytes));
  let left = valueBytes;
  let filled = 0;
  for await (const bytes of values) {
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(bytes.length - at, Math.min(room.length, left) - filled);
      if (count === 0) throw new RangeError(`There are more than ${valueBytes} bytes of values.`);
      room.set(bytes.subarray(at, at + count), filled);
      at += count;
      filled += count;
      if (filled < Math.min(room.length, left)) continue;
      left -= filled;
      yield room.subarray(0, filled);
      filled = 0;
    }
  }
  if (left > 0) throw new RangeError(`There are ${left - filled} bytes of values less than ${valueBytes}.`);
}

/** The sealed values of a file, read in parts; what is read is compared with its seal first. */
export class SealedValues {
  readonly #source: ByteSource;
  readonly #begin: number;
  readonly #end: number;
  readonly #digests: Uint8Array;
  readonly #damaged: (what: string) => Error;
  /** The piece that was read last: of many small tensors several are in one. */
  #last: { readonly index: number; readonly bytes: Uint8Array } | undefined;

  private constructor(
    source: ByteSource,
    { begin, end }: { readonly begin: number; readonly end: number },
    digests: Uint8Array,
    damaged: (what: string) => Error,
  ) {
    this.#source = source;
    this.#begin = begin;
    this.#end = end;
    this.#digests = digests;
    this.#damaged = damaged;
  }

  /**
   * @param damaged makes the error that is thrown, here and by reads, for what is not as it was sealed
   */
  static async open(
    source: ByteSource,
    header: SafetensorsHeader,
    damaged: (what: string) => Error,
  ): Promise<SealedValues> {
    const seal = header.tensors.at(-1);
    if (!seal || !isSeal(seal, header))
      throw damaged('it has no seal, with which its bytes could be compared');
    const digests = await source.read(seal.start, seal.end);
    const own = await sha256(await source.read(0, header.byteLength));
    if (!isEqual(own, digests.subarray(0, DIGEST))) throw damaged('the SHA-256 of its header does not match');
    const range = { begin: header.byteLength, end: seal.start };
    return new SealedValues(source, range, digests.subarray(DIGEST), damaged);
  }

  /**
   * Bytes [start, end) of the file as a buffer of their own.
   *
   * @throws what `damaged` makes
   */
  async read(start: number, end: number): Promise<ArrayBuffer> {
    const buffer = new ArrayBuffer(end - start);
    for (let at = start; at < end; ) {
      const index = Math.floor((at - this.#begin) / PIECE);
      const piece = await this.#piece(index);
      const from = at - this.#begin - index * PIECE;
      const count = Math.min(end - at, piece.length - from);
      // A view of this part only: one of all may be longer than an array of bytes can be.
      new Uint8Array(buffer, at - start, count).set(piece.subarray(from, from + count));
      at += count;
    }
    return buffer;
  }

  async #piece(index: number): Promise<Uint8Array> {
    if (this.#last?.index === index) return this.#last.bytes;
    const begin = this.#begin + index * PIECE;
    const end = Math.min(this.#end, begin + PIECE);
    const bytes = await this.#source.read(begin, end);
    if (!isEqual(await sha256(bytes), this.#digests.subarray(index * DIGEST, (index + 1) * DIGEST)))
      throw this.#damaged(`the SHA-256 of its bytes ${begin} to ${end} does not match`);
    this.#last = { index, bytes };
    return bytes;
  }
}

function isSeal({ name, dtype, shape, start }: SafetensorsEntry, { byteLength }: SafetensorsHeader): boolean {
  const expected = sealTensor(start - byteLength);
  return name === expected.name && dtype === expected.dtype && shape.join() === expected.shape.join();
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
