/**
 * Tensors on their way into a checkpoint and out of it, for heads that are too large to be held twice, or as one array of bytes: what
 * is written is asked for piece by piece, and what is read is read in rows.
 */
import { bytesOfValues, elementCount, type NamedArray, type TypedArray } from '@arcface/backbones';
import { TrainingError } from '../training-error.ts';

/** A tensor to be written. */
export interface TensorPieces extends Omit<NamedArray, 'data'> {
  /** Its values in order, cut anywhere. They are not to change until the next piece is asked for. */
  pieces(): AsyncIterable<TypedArray> | Iterable<TypedArray>;
}

/** A tensor of a file that is open. */
export interface StoredTensor extends Omit<NamedArray, 'data'> {
  /**
   * Its values, or those of rows `from` to `to - 1` (of the first dimension): new ones, the caller's to keep.
   *
   * @throws {TrainingError} `checkpoint-damaged` for values that are not those that were written
   */
  read(from?: number, to?: number): Promise<TypedArray>;
}

/** Values of one turn: views of bytes are no longer than an array of bytes can be. */
const TURN = 1 << 22;

/** A tensor that is in memory. */
export function asPieces({ data, ...tensor }: NamedArray): TensorPieces {
  return { ...tensor, pieces: () => [data] };
}

/**
 * The bytes of tensors, one after the other.
 *
 * @throws {TrainingError} `parameter-mismatch` for a tensor that has more or fewer values than its shape says
 */
export async function* bytesOfTensors(
  tensors: readonly TensorPieces[],
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const tensor of tensors) {
    let count = 0;
    for await (const values of tensor.pieces()) {
      count += values.length;
      for (let at = 0; at < values.length; at += TURN) yield bytesOfValues(values.subarray(at, at + TURN));
    }
    if (count === elementCount(tensor.shape)) continue;
    throw new TrainingError(
      'parameter-mismatch',
      `${tensor.name} has ${count} values, and its shape [${tensor.shape}] needs ${elementCount(tensor.shape)}.`,
    );
  }
}

/** Reads tensors into memory, in their order. @param isWanted by name; default: all */
export async function loadTensors(
  tensors: readonly StoredTensor[],
  isWanted: (name: string) => boolean = () => true,
): Promise<NamedArray[]> {
  const loaded: NamedArray[] = [];
  for (const { name, dtype, shape, read } of tensors) {
    if (isWanted(name)) loaded.push({ name, dtype, shape, data: await read() });
  }
  return loaded;
}

/** The same tensor, whose values are looked at on their way. @param failure is thrown for one that is not finite */
export function withFiniteValues(tensor: TensorPieces, failure: () => Error): TensorPieces {
  return {
    ...tensor,
    async *pieces() {
      for await (const values of tensor.pieces()) {
        if (values instanceof Float32Array && !values.every(Number.isFinite)) throw failure();
        yield values;
      }
    },
  };
}
