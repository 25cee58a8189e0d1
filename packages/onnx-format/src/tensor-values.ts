/** Between a tensor's bytes and the numbers that they are. */
import { byteLengthOf, type ElementType, elementTypes } from './element-type.ts';
import type { OnnxTensor } from './model.ts';
import { OnnxFormatError } from './onnx-format-error.ts';

/** Numbers as JavaScript has arrays for. */
export type TensorValues =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const satisfies Partial<Record<ElementType, unknown>>;

type View = new (buffer: ArrayBufferLike, offset: number, length: number) => TensorValues;

/**
 * A tensor's elements, row-major: a view of its bytes where they are aligned, a copy where not. `float16` and `bfloat16`
 * are given as their bits.
 *
 * @throws OnnxFormatError `unsupported` for types that JavaScript has no array for, and for values in another file
 */
export function tensorValues({ name, elementType, bytes, external }: OnnxTensor): TensorValues {
  if (external !== undefined) {
    throw new OnnxFormatError(
      'unsupported',
      `the values of tensor ${JSON.stringify(name)} are in the file ${external.location}, which was not read`,
    );
  }
  if (!Object.hasOwn(ARRAYS, elementType)) {
    throw new OnnxFormatError(
      'unsupported',
      `tensor ${JSON.stringify(name)} is of ${elementType}, which is not read; known are ${Object.keys(ARRAYS).join(', ')}`,
    );
  }
  const size = elementTypes[elementType].bits / 8;
  // Not `slice`: that of Node's buffers does not copy.
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const view: View = ARRAYS[elementType as keyof typeof ARRAYS];
  return new view(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

/**
 * A tensor of numbers. 64-bit integers may be given as numbers or bigints, half floats are given as their bits.
 *
 * The values of an array of the very type are not copied.
 *
 * @throws OnnxFormatError `invalid-model` if the shape wants another number of values
 */
export function tensorOf(
  name: string,
  elementType: keyof typeof ARRAYS,
  dims: readonly number[],
  values: ArrayLike<number> | BigInt64Array | BigUint64Array,
): OnnxTensor {
  const array = arrayOf(elementType, values);
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (byteLengthOf(elementType, dims) !== bytes.length) {
    throw new OnnxFormatError(
      'invalid-model',
      `tensor ${JSON.stringify(name)} of shape [${dims}] cannot have ${values.length} values`,
    );
  }
  return { name, elementType, dims, bytes };
}

function arrayOf(
  elementType: keyof typeof ARRAYS,
  values: ArrayLike<number> | BigInt64Array | BigUint64Array,
): TensorValues {
  const wanted = ARRAYS[elementType];
  if (values instanceof wanted) return values;
  if (wanted === BigInt64Array || wanted === BigUint64Array) {
    return wanted.from(Array.from(values as ArrayLike<number>, BigInt));
  }
  return (wanted as Float32ArrayConstructor).from(values as ArrayLike<number>);
}
