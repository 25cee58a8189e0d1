/**
 * A tensor as it lies in a checkpoint: a name, a shape and values on the host. This is what every file format here is
 * read into and written from, and what the parameters of a network are exported to. Values of types that JavaScript has
 * no array for (floats of 16 and 8 bits) are kept as their bits, so that reading and writing never changes a file.
 */
import { BackbonesError } from './backbones-error.ts';
import { float8e4m3fnToFloat32, float8e5m2ToFloat32 } from './float8.ts';
import { bfloat16ToFloat32, float16ToFloat32 } from './half-float.ts';

/** Element types, and how many bytes one takes. */
export const ELEMENT_BYTES = {
  bool: 1,
  int8: 1,
  uint8: 1,
  float8e4m3fn: 1,
  float8e5m2: 1,
  int16: 2,
  uint16: 2,
  float16: 2,
  bfloat16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  int64: 8,
  uint64: 8,
  float64: 8,
} as const;

export type ElementType = keyof typeof ELEMENT_BYTES;

/**
 * Values on the host. `bool` is a `Uint8Array`; `float16` and `bfloat16` are the bits in a `Uint16Array`, and floats of 8 bits
 * those in a `Uint8Array`.
 */
export type TypedArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

export interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: ElementType;
  /** Row-major values, one an element. */
  readonly data: TypedArray;
}

const VIEWS: Record<
  ElementType,
  new (
    buffer: ArrayBufferLike,
    offset: number,
    length: number,
  ) => TypedArray
> = {
  bool: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  float8e4m3fn: Uint8Array,
  float8e5m2: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float64: Float64Array,
};

/** Number of elements, 1 for the empty shape. May be unsafe as an integer: compare before it is trusted. */
export function elementCount(shape: readonly number[]): number {
  // Enough huge sizes are infinite together, and a zero times that would be no number.
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

/** Values of little-endian bytes: a view where the bytes are aligned, a copy where they are not. */
export function valuesFromBytes(bytes: Uint8Array, dtype: ElementType): TypedArray {
  const size = ELEMENT_BYTES[dtype];
  // Not `slice`: that of Node's buffers does not copy.
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new VIEWS[dtype](aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

/** Values of little-endian bytes that have a buffer to themselves, which may be larger than an array of bytes can be: a view. */
export function valuesOfBuffer(buffer: ArrayBuffer, dtype: ElementType): TypedArray {
  return new VIEWS[dtype](buffer, 0, buffer.byteLength / ELEMENT_BYTES[dtype]);
}

/** The bytes behind values, without copying. */
export function bytesOfValues(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** @throws BackbonesError `invalid-option` if values and shape, or values and type, do not belong together */
export function checkNamedArray({
  name,
  shape,
  dtype,
  data,
}: Omit<NamedArray, 'name'> & { name?: string }): void {
  const what = `array ${JSON.stringify(name ?? '')}`;
  if (shape.some((size) => !Number.isSafeInteger(size) || size < 0)) {
    throw new BackbonesError(
      'invalid-option',
      `${what}: [${shape}] is not a shape; sizes are integers from 0 on`,
    );
  }
  if (!(dtype in ELEMENT_BYTES) || !(data instanceof VIEWS[dtype])) {
    const expected = VIEWS[dtype]?.name ?? `one of ${Object.keys(ELEMENT_BYTES).join(', ')} as dtype`;
    throw new BackbonesError(
      'invalid-option',
      `${what}: dtype ${dtype} needs ${expected}, not ${data?.constructor.name}`,
    );
  }
  if (data.length !== elementCount(shape)) {
    throw new BackbonesError(
      'invalid-option',
      `${what}: shape [${shape}] needs ${elementCount(shape)} values, found ${data.length}`,
    );
  }
}

/**
 * The values as 32-bit floats, rounded where the type is wider. Shares memory with the array if that is `float32`.
 */
export function toFloat32({ dtype, data }: Pick<NamedArray, 'dtype' | 'data'>): Float32Array {
  if (data instanceof Float32Array) {
    return data;
  }
  if (data instanceof Uint16Array && dtype === 'float16') {
    return float16ToFloat32(data);
  }
  if (data instanceof Uint16Array && dtype === 'bfloat16') {
    return bfloat16ToFloat32(data);
  }
  if (data instanceof Uint8Array && dtype === 'float8e4m3fn') {
    return float8e4m3fnToFloat32(data);
  }
  if (data instanceof Uint8Array && dtype === 'float8e5m2') {
    return float8e5m2ToFloat32(data);
  }
  return data instanceof BigInt64Array || data instanceof BigUint64Array
    ? Float32Array.from(data, Number)
    : Float32Array.from(data);
}
