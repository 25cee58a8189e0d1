import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackbonesError } from '../backbones-error.ts';
import {
  bytesOfValues,
  ELEMENT_BYTES,
  type ElementType,
  elementCount,
  type NamedArray,
  toFloat32,
} from '../named-array.ts';
import { parseSafetensors, serializeSafetensors } from './safetensors.ts';
import { readSafetensorsHeader } from './safetensors-header.ts';

/** A file with any header, honest or not. */
function file(header: unknown, data = new Uint8Array(0)): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

function failure(bytes: Uint8Array): BackbonesError {
  try {
    parseSafetensors(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(BackbonesError);
    return error as BackbonesError;
  }
  throw new Error('expected a failure');
}

const namedArray = fc
  .record({
    name: fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__'),
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
    dtype: fc.constantFrom(...(Object.keys(ELEMENT_BYTES) as ElementType[])),
    seed: fc.nat(255),
  })
  .map(({ name, shape, dtype, seed }): NamedArray => {
    const bytes = Uint8Array.from(
      { length: elementCount(shape) * ELEMENT_BYTES[dtype] },
      (_, i) => seed + 31 * i,
    );
    // The reader makes the typed array, so that the test needs no table of its own.
    const [array] = parseSafetensors(
      file({ x: { dtype: CODES[dtype], shape, data_offsets: [0, bytes.length] } }, bytes),
    ).tensors;
    return { ...array!, name };
  });

const CODES: Record<ElementType, string> = {
  bool: 'BOOL',
  int8: 'I8',
  uint8: 'U8',
  float8e4m3fn: 'F8_E4M3',
  float8e5m2: 'F8_E5M2',
  int16: 'I16',
  uint16: 'U16',
  float16: 'F16',
  bfloat16: 'BF16',
  int32: 'I32',
  uint32: 'U32',
  float32: 'F32',
  int64: 'I64',
  uint64: 'U64',
  float64: 'F64',
};

describe('safetensors', () => {
  it('come back as they were written', () => {
    const arrays = fc.uniqueArray(namedArray, { selector: ({ name }) => name });
    const metadata = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(arrays, metadata, (tensors, given) => {
        const found = parseSafetensors(serializeSafetensors({ tensors, metadata: given }));
        expect(new Map(Object.entries(found.metadata))).toEqual(new Map(Object.entries(given)));
        const byName = new Map(found.tensors.map((tensor) => [tensor.name, tensor]));
        expect(byName.size).toBe(tensors.length);
        for (const { name, shape, dtype, data } of tensors) {
          const other = byName.get(name)!;
          expect([other.shape, other.dtype]).toEqual([shape, dtype]);
          expect([...bytesOfValues(other.data)]).toEqual([...bytesOfValues(data)]);
        }
      }),
    );
  });

  it('keep the order of tensors of one type, and are aligned', () => {
    const tensors = ['b', 'a', 'c'].map(
      (name): NamedArray => ({ name, shape: [3], dtype: 'float32', data: Float32Array.of(1, 2, 3) }),
    );
    const odd: NamedArray = { name: 'odd', shape: [1], dtype: 'uint8', data: Uint8Array.of(7) };
    const bytes = serializeSafetensors({ tensors: [odd, ...tensors] });
    const found = parseSafetensors(bytes).tensors;
    expect(found.map(({ name }) => name)).toEqual(['b', 'a', 'c', 'odd']);
    expect(found[0]!.data.buffer).toBe(bytes.buffer);
  });

  it('are the bytes that the format’s own description gives', () => {
    const tensors: NamedArray[] = [{ name: 'x', shape: [2], dtype: 'float32', data: Float32Array.of(1, -2) }];
    const bytes = serializeSafetensors({ tensors, metadata: { a: 'b' } });
    const header = '{"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8, ' ');
    expect(Buffer.from(bytes).toString('latin1')).toBe(
      `${String.fromCharCode(padded.length)}\0\0\0\0\0\0\0${padded}\0\0\x80\x3f\0\0\0\xc0`,
    );
  });

  it('may have null for metadata', () => {
    expect(parseSafetensors(file({ __metadata__: null }))).toEqual({ tensors: [], metadata: {} });
  });

  it('of floats of 8 bits have them as what they are', () => {
    const entry = (dtype: string, at: number) => ({ dtype, shape: [2], data_offsets: [at, at + 2] });
    const bytes = file(
      { a: entry('F8_E4M3', 0), b: entry('F8_E5M2', 2) },
      Uint8Array.of(0x38, 0xfe, 0x3c, 0xfb),
    );
    const { tensors } = parseSafetensors(bytes);
    expect(tensors.map((tensor) => [...toFloat32(tensor)])).toEqual([
      [1, -448],
      [1, -57344],
    ]);
  });

  it('tell where each tensor is without being read whole', async () => {
    const tensors: NamedArray[] = [
      { name: 'x', shape: [2, 1], dtype: 'float32', data: Float32Array.of(1, -2) },
      { name: 'y', shape: [3], dtype: 'uint8', data: Uint8Array.of(7, 8, 9) },
    ];
    const bytes = serializeSafetensors({ tensors, metadata: { a: 'b' } });
    const reads: number[][] = [];
    const read = async (start: number, end: number) => {
      reads.push([start, end]);
      return bytes.subarray(start, end);
    };
    const header = await readSafetensorsHeader(read, bytes.length);
    const values = bytes.length - 11;
    expect(header).toEqual({
      metadata: { a: 'b' },
      byteLength: values,
      tensors: [
        { name: 'x', shape: [2, 1], dtype: 'float32', start: values, end: values + 8 },
        { name: 'y', shape: [3], dtype: 'uint8', start: values + 8, end: values + 11 },
      ],
    });
    expect(reads).toEqual([
      [0, 8],
      [8, values],
    ]);
    for (const length of [0, 5, 20, bytes.length - 1]) {
      const short = bytes.subarray(0, length);
      await expect(
        readSafetensorsHeader(async (start, end) => short.subarray(start, end), length),
      ).rejects.toMatchObject({ code: 'invalid-file' });
    }
  });

  const four = new Uint8Array(4);
  const entry = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };
  it.each([
    ['too short for a length', new Uint8Array(5)],
    ['a header longer than the file', Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127, 123, 125)],
    ['no JSON', file('{"a":')],
    ['no object', file('[]')],
    ['no UTF-8', Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x22, 0xff, 0x22)],
    ['metadata that are not strings', file({ __metadata__: { a: 1 } })],
    ['no entry', file({ a: 5 })],
    ['a negative size', file({ a: { ...entry, shape: [-1] } }, four)],
    ['a huge size', file({ a: { ...entry, shape: [2 ** 40, 2 ** 40] } }, four)],
    ['offsets backwards', file({ a: { ...entry, data_offsets: [4, 0] } }, four)],
    ['offsets past the end', file({ a: { dtype: 'U8', shape: [8], data_offsets: [0, 8] } }, four)],
    ['offsets of another length than the shape', file({ a: { ...entry, shape: [2] } }, four)],
    ['a gap', file({ a: { ...entry, data_offsets: [4, 8] } }, new Uint8Array(8))],
    ['an overlap', file({ a: entry, b: entry }, four)],
    ['data that no tensor covers', file({ a: entry }, new Uint8Array(5))],
    ['a name twice', file(`{"a":${JSON.stringify(entry)},"a":${JSON.stringify(entry)}}`, four)],
    [
      'a name twice, once in escapes',
      file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{}}'),
    ],
    ['brackets in brackets', file(`{"a":{"dtype":"U8","shape":${'['.repeat(1_000_000)}`)],
    ['arrays ahead of any tensor', file(`{"a":[${'[],'.repeat(1_000_000)}[]]}`)],
    ['an object within a tensor', file({ a: { ...entry, more: {} } }, four)],
    ['a text of megabytes', file(`{"a":"${' '.repeat(2 ** 24 + 2)}"}`)],
  ])('with %s are refused', (_, bytes) => {
    const error = failure(bytes);
    expect(error.code).toBe('invalid-file');
    expect(error.message).toMatch(/byte \d/);
  });

  it('may have braces, quotes and colons in their names', () => {
    const tensors = ['{"a":[', '}]\\"', ':'].map(
      (name): NamedArray => ({ name, shape: [1], dtype: 'uint8', data: Uint8Array.of(1) }),
    );
    const found = parseSafetensors(serializeSafetensors({ tensors })).tensors;
    expect(found.map(({ name }) => name)).toEqual(tensors.map(({ name }) => name));
  });

  it('of an unknown type are refused by name', () => {
    const error = failure(
      file({ weight: { dtype: 'F8_E8M0', shape: [1], data_offsets: [0, 1] } }, new Uint8Array(1)),
    );
    expect(error.code).toBe('unsupported');
    expect(error.message).toContain('"weight" has dtype "F8_E8M0"');
  });

  it('that are damaged are refused with a typed error, or are still readable', () => {
    const whole = serializeSafetensors({
      tensors: [
        { name: 'a', shape: [2, 2], dtype: 'float32', data: new Float32Array(4) },
        { name: 'b', shape: [3], dtype: 'uint8', data: new Uint8Array(3) },
      ],
      metadata: { format: 'x' },
    });
    const edit = fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.nat(whole.length), (edits, length) => {
        const bytes = whole.slice(0, length);
        for (const { at, value } of edits) {
          if (at < length) bytes[at] = value;
        }
        try {
          parseSafetensors(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(BackbonesError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('cannot be written with a name twice, a reserved name, or values that do not fit', () => {
    const x: NamedArray = { name: 'x', shape: [1], dtype: 'float32', data: new Float32Array(1) };
    for (const tensors of [
      [x, x],
      [{ ...x, name: '__metadata__' }],
      [{ ...x, shape: [2] }],
      [{ ...x, dtype: 'int32' as const }],
    ]) {
      expect(() => serializeSafetensors({ tensors })).toThrow(BackbonesError);
    }
  });
});
