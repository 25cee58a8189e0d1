/**
 * The safetensors format, both ways, for files that fit into memory: a header (`safetensors-header.ts`), then the values of all tensors,
 * little-endian, without a gap.
 */
import {
  bytesOfValues,
  checkNamedArray,
  ELEMENT_BYTES,
  type NamedArray,
  valuesFromBytes,
} from '../named-array.ts';
import { safetensorsHeaderOf, serializeSafetensorsHeader } from './safetensors-header.ts';

/** What a safetensors file holds. */
export interface Safetensors {
  /** In the order in which their values lie in the file. */
  readonly tensors: readonly NamedArray[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads a safetensors file.
 *
 * The values are views of `bytes` where they are aligned, so don't write to either afterwards.
 *
 * @throws BackbonesError `invalid-file` with the byte offset, or `unsupported` for an element type unknown here
 */
export function parseSafetensors(bytes: Uint8Array): Safetensors {
  const { tensors, metadata } = safetensorsHeaderOf(bytes);
  return {
    tensors: tensors.map(({ name, dtype, shape, start, end }) => ({
      name,
      shape,
      dtype,
      data: valuesFromBytes(bytes.subarray(start, end), dtype),
    })),
    metadata,
  };
}

/**
 * Writes a safetensors file, the same bytes for the same input.
 *
 * Wider elements come first, so that every tensor is aligned; among equally wide ones the given order is kept.
 *
 * @throws BackbonesError `invalid-option` for a name that occurs twice or is reserved, or values that don't fit a shape
 */
export function serializeSafetensors(file: {
  readonly tensors: readonly NamedArray[];
  readonly metadata?: Readonly<Record<string, string>>;
}): Uint8Array {
  const { tensors, metadata } = file;
  const ordered = [...tensors].sort((a, b) => ELEMENT_BYTES[b.dtype] - ELEMENT_BYTES[a.dtype]);
  for (const tensor of ordered) {
    checkNamedArray(tensor);
  }
  const header = serializeSafetensorsHeader(ordered, metadata);
  const bytes = new Uint8Array(ordered.reduce((sum, { data }) => sum + data.byteLength, header.length));
  bytes.set(header);
  let position = header.length;
  for (const { data } of ordered) {
    bytes.set(bytesOfValues(data), position);
    position += data.byteLength;
  }
  return bytes;
}
