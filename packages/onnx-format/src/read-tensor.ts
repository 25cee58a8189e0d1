/**
 * Reads a `TensorProto`. Values come in one of several forms: raw bytes, floats, doubles, integers of three widths, or a
 * place in another file. Whatever the form, what comes out are the little-endian bytes of the elements, a view of the file
 * wherever that is what lies in it, and as many as the shape wants.
 */
import { byteLengthOf, type ElementType, elementTypeOf, elementTypes } from './element-type.ts';
import type { ExternalData, OnnxTensor } from './model.ts';
import { OnnxFormatError } from './onnx-format-error.ts';
import { addField, type ProtobufField, type ProtobufMessage } from './protobuf-reader.ts';

/** Gives the bytes of a place in another file. */
export type ExternalDataReader = (place: ExternalData, tensor: string) => Uint8Array;

/** What to do about tensors whose values are in another file. */
export type ExternalDataPolicy = 'refuse' | 'keep' | ExternalDataReader;

/** Above any real tensor's. */
const MAX_RANK = 64;

/** The repeated fields that values come in: which types use which. */
const INTEGER_FIELDS: Readonly<Record<number, { name: string; types: readonly ElementType[] }>> = {
  5: {
    name: 'int32_data',
    types: [
      'int32',
      'int16',
      'int8',
      'uint16',
      'uint8',
      'bool',
      'float16',
      'bfloat16',
      'float8e4m3fn',
      'float8e4m3fnuz',
      'float8e5m2',
      'float8e5m2fnuz',
      'float8e8m0',
      'uint4',
      'int4',
      'float4e2m1',
      'uint2',
      'int2',
    ],
  },
  7: { name: 'int64_data', types: ['int64'] },
  11: { name: 'uint64_data', types: ['uint32', 'uint64'] },
};

/** @param external what to do about values in another file */
export function readTensor(message: ProtobufMessage, external: ExternalDataPolicy): OnnxTensor {
  const dims: (number | bigint)[] = [];
  const data = new Map<number, ProtobufField[]>();
  let name = '';
  let code = 0;
  let location = 0;
  for (const field of message.fields()) {
    switch (field.number) {
      case 1:
        field.integers('dims', dims);
        if (dims.length > MAX_RANK) throw field.fault('dims', `has more than ${MAX_RANK} sizes`);
        break;
      case 2:
        code = field.size('data_type');
        break;
      case 3:
        throw new OnnxFormatError('unsupported', `ONNX: a tensor in segments (byte ${field.offset})`, {
          offset: field.offset,
        });
      case 8:
        name = field.text('name');
        break;
      case 14:
        location = field.size('data_location');
        break;
      default:
        addField(data, field);
    }
  }
  const fault = (text: string): OnnxFormatError =>
    message.fault(message.offset, `${JSON.stringify(name)} ${text}`);
  const shape = dims.map((size) => {
    if (typeof size === 'bigint' || size < 0) throw fault(`has the size ${size} in its shape [${dims}]`);
    return size;
  });
  const elementType = elementTypeOf(code);
  if (elementType === undefined) throw fault(`has data type ${code}, which there is none of`);
  const empty = { name, elementType, dims: shape, bytes: new Uint8Array() };
  const expected = byteLengthOf(elementType, shape);
  if (location === 1) {
    const place = readPlace(data.get(13) ?? [], fault);
    if (external === 'keep') return { ...empty, external: place };
    if (external === 'refuse') {
      throw new OnnxFormatError(
        'unsupported',
        `ONNX: the values of tensor ${JSON.stringify(name)} are in another file, ${place.location}; give a reader for such files, or a model that is one file`,
        { offset: message.offset },
      );
    }
    const bytes = external(place, name);
    if (bytes.length === expected) return { ...empty, bytes };
    throw fault(
      `of ${elementType} and shape [${shape}] takes ${expected} bytes, ${place.location} has ${bytes.length} for it`,
    );
  }
  if (elementType === 'string') {
    const strings = (data.get(6) ?? []).map((field) => field.bytes('string_data'));
    const count = shape.reduce((product, size) => product * size, 1);
    if (strings.length === count) return { ...empty, strings };
    throw fault(`of shape [${shape}] has ${strings.length} strings`);
  }
  const bytes = readBytes(elementType, data, fault);
  if (bytes.length === expected) return { ...empty, bytes };
  throw fault(`of ${elementType} and shape [${shape}] takes ${expected} bytes, found ${bytes.length}`);
}

function readBytes(
  elementType: ElementType,
  data: ReadonlyMap<number, readonly ProtobufField[]>,
  fault: (text: string) => OnnxFormatError,
): Uint8Array {
  const forms: Uint8Array[] = [];
  const refuse = (name: string): void => {
    throw fault(`is of ${elementType}, but has ${name}`);
  };
  for (const [number, fields] of data) {
    if (number === 9) {
      if (fields.length > 1) throw fault('has raw_data twice');
      forms.push(fields[0]!.bytes('raw_data'));
    } else if (number === 4) {
      if (elementType !== 'float32' && elementType !== 'complex64') refuse('float_data');
      forms.push(joined(fields.map((field) => field.fixed('float_data', 4))));
    } else if (number === 10) {
      if (elementType !== 'float64' && elementType !== 'complex128') refuse('double_data');
      forms.push(joined(fields.map((field) => field.fixed('double_data', 8))));
    } else if (number in INTEGER_FIELDS) {
      const { name, types } = INTEGER_FIELDS[number]!;
      if (!types.includes(elementType)) refuse(name);
      const values: (number | bigint)[] = [];
      for (const field of fields) field.integers(name, values);
      forms.push(integerBytes(elementType, values));
    }
  }
  const filled = forms.filter(({ length }) => length > 0);
  if (filled.length > 1) throw fault('has values in two forms');
  return filled[0] ?? new Uint8Array();
}

/** The low bytes of integers. Elements narrower than a byte come a byte at a time. */
function integerBytes(elementType: ElementType, values: readonly (number | bigint)[]): Uint8Array {
  const size = Math.ceil(elementTypes[elementType].bits / 8);
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    if (size === 8) view.setBigInt64(8 * i, BigInt.asIntN(64, BigInt(value)), true);
    else if (size === 4) view.setInt32(4 * i, Number(BigInt.asIntN(32, BigInt(value))), true);
    else if (size === 2) view.setInt16(2 * i, Number(BigInt.asIntN(16, BigInt(value))), true);
    else bytes[i] = Number(BigInt.asUintN(8, BigInt(value)));
  });
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function readPlace(fields: readonly ProtobufField[], fault: (text: string) => OnnxFormatError): ExternalData {
  const entries = new Map<string, string>();
  for (const field of fields) {
    let key = '';
    let value = '';
    for (const part of field.message('external_data', 'StringStringEntryProto').fields()) {
      if (part.number === 1) key = part.text('key');
      else if (part.number === 2) value = part.text('value');
    }
    entries.set(key, value);
  }
  const location = entries.get('location') ?? '';
  // A file may only point into its own folder.
  if (location === '' || /^[/\\]|^[a-z]:|\0/i.test(location) || location.split(/[/\\]/).includes('..')) {
    throw fault(`has its values in ${JSON.stringify(location)}, which is not a file in the model's folder`);
  }
  const size = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value)) throw fault(`has ${JSON.stringify(text)} as ${key} in ${location}`);
    return value;
  };
  return { location, offset: size('offset') ?? 0, length: size('length') };
}
