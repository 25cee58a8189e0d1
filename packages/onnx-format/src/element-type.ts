/** Types of a tensor's elements: how `TensorProto.DataType` numbers them, and how many bits one takes. */

export const elementTypes = {
  float32: { code: 1, bits: 32 },
  uint8: { code: 2, bits: 8 },
  int8: { code: 3, bits: 8 },
  uint16: { code: 4, bits: 16 },
  int16: { code: 5, bits: 16 },
  int32: { code: 6, bits: 32 },
  int64: { code: 7, bits: 64 },
  /** No fixed size: such a tensor has `strings` and no bytes. */
  string: { code: 8, bits: 0 },
  bool: { code: 9, bits: 8 },
  float16: { code: 10, bits: 16 },
  float64: { code: 11, bits: 64 },
  uint32: { code: 12, bits: 32 },
  uint64: { code: 13, bits: 64 },
  complex64: { code: 14, bits: 64 },
  complex128: { code: 15, bits: 128 },
  bfloat16: { code: 16, bits: 16 },
  float8e4m3fn: { code: 17, bits: 8 },
  float8e4m3fnuz: { code: 18, bits: 8 },
  float8e5m2: { code: 19, bits: 8 },
  float8e5m2fnuz: { code: 20, bits: 8 },
  uint4: { code: 21, bits: 4 },
  int4: { code: 22, bits: 4 },
  float4e2m1: { code: 23, bits: 4 },
  float8e8m0: { code: 24, bits: 8 },
  uint2: { code: 25, bits: 2 },
  int2: { code: 26, bits: 2 },
} as const;

export type ElementType = keyof typeof elementTypes;

const BY_CODE = new Map(
  Object.entries(elementTypes).map(([name, { code }]) => [code as number, name as ElementType]),
);

/** The type of a code, if there is one. */
export function elementTypeOf(code: number): ElementType | undefined {
  return BY_CODE.get(code);
}

/** Bytes of so many elements, the last byte filled up. Not exact above 2^53: compare before it is trusted. */
export function byteLengthOf(elementType: ElementType, dims: readonly number[]): number {
  const elements = dims.reduce((product, size) => product * size, 1);
  return Math.ceil((elements * elementTypes[elementType].bits) / 8);
}
