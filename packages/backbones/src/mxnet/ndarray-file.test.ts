import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackbonesError } from '../backbones-error.ts';
import { bytesOfValues, elementCount, type NamedArray, toFloat32 } from '../named-array.ts';
import { oracleBytes, oracleIsAbsent, oracleJson, sha256 } from '../testing/oracle.ts';
import { parseNdArrays, serializeNdArrays } from './ndarray-file.ts';

interface Manifest {
  files: {
    file: string;
    what: string;
    sha256: string;
    named?: boolean;
    arrays?: { name: string | null; dtype: string; shape: number[]; sha256_le?: string; storage?: string }[];
    mxnet_load?: string;
  }[];
}

const manifest = oracleIsAbsent ? { files: [] } : oracleJson<Manifest>('params/manifest.json');
const isSparse = ({ arrays = [] }: Manifest['files'][number]): boolean =>
  arrays.some(({ storage }) => storage !== undefined);
const readable = manifest.files.filter((file) => file.arrays !== undefined && !isSparse(file));
const accepted = manifest.files.filter(({ mxnet_load: load }) => load?.startsWith('ok'));
const broken = manifest.files.filter(({ mxnet_load: load }) => load !== undefined && !load.startsWith('ok'));

function failure(read: () => unknown): BackbonesError {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(BackbonesError);
    return error as BackbonesError;
  }
  throw new Error('expected a failure');
}

describe.skipIf(oracleIsAbsent)('NDArray files of MXNet (needs ../shared)', () => {
  it.each(readable)('reads $file: $what', ({ file, arrays, named }) => {
    const found = parseNdArrays(oracleBytes(`params/${file}`));
    expect(found.names.length > 0).toBe(named);
    expect(found.arrays.map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual(
      arrays!.map(({ name, dtype, shape }) => ({ name: name ?? '', dtype, shape })),
    );
    expect(found.arrays.map(({ data }) => sha256(bytesOfValues(data)))).toEqual(
      arrays!.map((array) => array.sha256_le),
    );
  });

  it.each([
    'dict_all_dtypes.params',
    'list_all_dtypes.nd',
    'shapes.params',
    'special_values.params',
    'single.nd',
  ])('writes %s again byte for byte', (file) => {
    const bytes = oracleBytes(`params/${file}`);
    expect(sha256(serializeNdArrays(parseNdArrays(bytes)))).toBe(sha256(bytes));
  });

  it.each(accepted)('reads $file as MXNet does: $what', ({ file }) => {
    expect(parseNdArrays(oracleBytes(`params/${file}`)).arrays.map(({ shape }) => shape)).toEqual([
      [2, 3],
      [4],
    ]);
  });

  it.each(broken)('refuses $file: $what', ({ file }) => {
    const error = failure(() => parseNdArrays(oracleBytes(`params/${file}`)));
    expect(error.code).toBe('invalid-file');
    expect(error.message).toMatch(/byte \d+/);
    expect(error.offset).toBeTypeOf('number');
  });

  it('refuses sparse arrays by name', () => {
    const error = failure(() => parseNdArrays(oracleBytes('params/sparse.params')));
    expect(error.code).toBe('unsupported');
    expect(error.message).toContain('arg:rsp (row_sparse), arg:csr (csr), arg:rsp_empty (row_sparse)');
    expect(error.message).not.toContain('arg:dense');
  });
});

const MXNET_TYPES = [
  ...(['float32', 'float64', 'float16', 'bfloat16', 'uint8', 'int32', 'int8', 'int64', 'bool'] as const),
] as const;

const namedArray = fc
  .record({
    name: fc.string({ unit: 'grapheme' }),
    shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
    dtype: fc.constantFrom(...MXNET_TYPES),
    seed: fc.integer({ min: 0, max: 255 }),
  })
  .map(({ name, shape, dtype, seed }): NamedArray => {
    const count = elementCount(shape);
    const data = {
      float32: new Float32Array(count),
      float64: new Float64Array(count),
      float16: new Uint16Array(count),
      bfloat16: new Uint16Array(count),
      bool: new Uint8Array(count),
      uint8: new Uint8Array(count),
      int32: new Int32Array(count),
      int8: new Int8Array(count),
      int64: new BigInt64Array(count),
    }[dtype];
    bytesOfValues(data).forEach((_, i, bytes) => {
      bytes[i] = seed + 37 * i;
    });
    return { name, shape, dtype, data };
  });

describe('NDArray files', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(fc.array(namedArray), (arrays) => {
        const names = arrays.map(({ name }) => name);
        const found = parseNdArrays(serializeNdArrays({ names, arrays }));
        expect(found.arrays.map(({ name, shape, dtype }) => ({ name, shape, dtype }))).toEqual(
          arrays.map(({ name, shape, dtype }) => ({ name, shape, dtype })),
        );
        expect(found.arrays.map(({ data }) => [...bytesOfValues(data)])).toEqual(
          arrays.map(({ data }) => [...bytesOfValues(data)]),
        );
      }),
    );
  });

  it('that are damaged are refused with a typed error, or are still readable, but never more', () => {
    const whole = serializeNdArrays({
      names: ['arg:a', 'aux:b'],
      arrays: [
        { shape: [2, 3], dtype: 'float32', data: new Float32Array(6) },
        { shape: [2], dtype: 'int64', data: new BigInt64Array(2) },
      ],
    });
    const edit = fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.nat(whole.length), (edits, length) => {
        const bytes = whole.slice(0, length);
        for (const { at, value } of edits) {
          if (at < length) bytes[at] = value;
        }
        try {
          const { arrays } = parseNdArrays(bytes);
          const held = arrays.reduce((sum, { data }) => sum + data.byteLength, 0);
          expect(held).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(BackbonesError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('whose sizes multiply to more than there are numbers are refused, a zero among them or not', () => {
    const sizes = (last: bigint): Uint8Array => {
      const bytes = new Uint8Array(400);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, 0x112, true);
      view.setUint32(16, 1, true);
      view.setUint32(24, 0xf993fac8, true);
      view.setInt32(28, 32, true);
      for (let i = 0; i < 32; i++) view.setBigInt64(32 + 8 * i, i < 31 ? 2n ** 52n : last, true);
      return bytes;
    };
    expect(failure(() => parseNdArrays(sizes(1n))).message).toMatch(/needs Infinity bytes/);
    const { arrays, names } = parseNdArrays(sizes(0n));
    expect([arrays[0]?.data.length, names]).toEqual([0, []]);
  });

  it('of a type that MXNet cannot save are refused, with the types that it can', () => {
    const bytes = serializeNdArrays({
      arrays: [{ shape: [1], dtype: 'float32', data: new Float32Array(1) }],
    });
    bytes[24 + 12 + 8 + 8] = 9;
    const error = failure(() => parseNdArrays(bytes));
    expect(error.message).toMatch(/unknown element type 9; known are 0 \(float32\), .*, 12 \(bfloat16\)/);
    expect(error.offset).toBe(52);
  });

  it('cannot hold what MXNet cannot load', () => {
    const scalar = { shape: [], dtype: 'float32' as const, data: new Float32Array(1) };
    const empty = { shape: [0], dtype: 'float32' as const, data: new Float32Array(0) };
    const words = { shape: [1], dtype: 'uint32' as const, data: new Uint32Array(1) };
    for (const array of [scalar, empty, words]) {
      expect(failure(() => serializeNdArrays({ arrays: [array] })).code).toBe('invalid-option');
    }
    const fits = { shape: [1], dtype: 'uint8' as const, data: new Uint8Array(1) };
    expect(failure(() => serializeNdArrays({ names: ['a', 'b'], arrays: [fits] })).code).toBe(
      'invalid-option',
    );
  });
});

describe('half floats', () => {
  it.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x3555, 0.333251953125],
    [0x7bff, 65504],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
  ])('0x%s is %s', (bits, value) => {
    expect(toFloat32({ dtype: 'float16', data: Uint16Array.of(bits) })[0]).toBe(value);
  });

  it('of 8 bits of exponent are the upper half of a float32', () => {
    expect([...toFloat32({ dtype: 'bfloat16', data: Uint16Array.of(0x3f80, 0xc049, 0x0000) })]).toEqual([
      1, -3.140625, 0,
    ]);
  });
});
