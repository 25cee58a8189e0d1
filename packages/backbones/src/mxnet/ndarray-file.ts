/**
 * MXNet's `.params` and `.nd` files, both ways: a list of arrays, then their names. Every layout that MXNet 1.9 reads is
 * read: today's records (with or without NumPy shapes) and the two older ones, which may even be mixed in one file.
 *
 * A record starts with a word that says its layout; before there were such words it was the number of dimensions. The
 * device it was saved from is ignored. Sparse arrays are recognised and refused by name: no backbone has any.
 *
 * Nothing is allocated from a length that the file claims: values are views of the file (or copies of exactly the bytes
 * that are there), and counts are bounded by the bytes that remain.
 */
import { BackbonesError } from '../backbones-error.ts';
import {
  bytesOfValues,
  checkNamedArray,
  ELEMENT_BYTES,
  type ElementType,
  elementCount,
  type NamedArray,
  valuesFromBytes,
} from '../named-array.ts';
import { ByteCursor } from './byte-cursor.ts';

/** What a `.params` or `.nd` file holds. */
export interface NdArrayFile {
  /** One name an array, such as `arg:conv0_weight`; none at all if the file is a plain list. */
  readonly names: readonly string[];
  /** In file order; `name` is empty if the file is a plain list. */
  readonly arrays: readonly NamedArray[];
}

const LIST_MAGIC = 0x112;
const RECORD_V1 = 0xf993fac8;
const RECORD_V2 = 0xf993fac9;
/** As V2, but under NumPy's meaning of shapes: no dimensions is a scalar, a zero is a real zero. */
const RECORD_V3 = 0xf993faca;
const DENSE = 0;
/** Storage types by code: name, and how many auxiliary arrays (indices) they carry. */
const STORAGE = [
  { name: 'dense', auxiliaries: 0 },
  { name: 'row_sparse', auxiliaries: 1 },
  { name: 'csr', auxiliaries: 2 },
] as const;
/** Element types by MXNet's codes. 8 to 11, integers of other widths, are declared there and can be neither made nor saved. */
const DTYPES: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [0, 'float32'],
  [1, 'float64'],
  [2, 'float16'],
  [3, 'uint8'],
  [4, 'int32'],
  [5, 'int8'],
  [6, 'int64'],
  [7, 'bool'],
  [12, 'bfloat16'],
]);
const DTYPE_CODES = new Map([...DTYPES].map(([code, dtype]) => [dtype, code]));
const MAX_DIMENSIONS = 32;
const MIN_RECORD_BYTES = 4;
const MIN_NAME_BYTES = 8;
const CPU = 1;

/** A record, or what is known of one that is refused. */
interface ArrayRecord {
  readonly shape: readonly number[];
  readonly dtype: ElementType;
  readonly data: NamedArray['data'];
  readonly storage: string;
}

/**
 * Reads an NDArray file.
 *
 * Values are views of `bytes` where they are aligned, so don't write to either afterwards. Bytes after the names are
 * ignored, as MXNet does.
 *
 * @throws BackbonesError `invalid-file` with the byte offset; `unsupported` naming the sparse arrays, if there are any
 */
export function parseNdArrays(bytes: Uint8Array): NdArrayFile {
  const cursor = new ByteCursor(bytes, 'NDArray file');
  const magic = cursor.uint64('the magic number');
  if (magic !== LIST_MAGIC) {
    throw cursor.fault(
      0,
      `expected the magic number 0x112, found 0x${magic.toString(16)}; is this a .params file?`,
    );
  }
  cursor.skip(8, 'the reserved word');
  const count = cursor.count('arrays', MIN_RECORD_BYTES);
  const records: ArrayRecord[] = [];
  for (let i = 0; i < count; i++) {
    records.push(readRecord(cursor, i));
  }
  const namesAt = cursor.offset;
  const nameCount = cursor.count('names', MIN_NAME_BYTES);
  if (nameCount !== 0 && nameCount !== count) {
    throw cursor.fault(namesAt, `expected no names or ${count}, one an array; found ${nameCount}`);
  }
  const names: string[] = [];
  for (let i = 0; i < nameCount; i++) {
    names.push(cursor.text(cursor.count('bytes of a name', 1), `name ${i}`));
  }
  refuseSparse(records, names);
  const arrays = records.map(({ shape, dtype, data }, i) => ({ name: names[i] ?? '', shape, dtype, data }));
  return { names, arrays };
}

function refuseSparse(records: readonly ArrayRecord[], names: readonly string[]): void {
  const sparse = records.flatMap(({ storage }, i) =>
    storage === STORAGE[DENSE].name ? [] : [`${names[i] ?? `array ${i}`} (${storage})`],
  );
  if (sparse.length > 0) {
    throw new BackbonesError(
      'unsupported',
      `NDArray file: sparse arrays are not read: ${sparse.join(', ')}; in MXNet, save them after .tostype('default')`,
    );
  }
}

function readRecord(cursor: ByteCursor, index: number): ArrayRecord {
  const start = cursor.offset;
  const what = `array ${index}`;
  const first = cursor.uint32(what);
  if (first !== RECORD_V2 && first !== RECORD_V3) {
    return readLegacyRecord(cursor, first, what, start);
  }
  const code = cursor.int32(`the storage type of ${what}`);
  const storage = STORAGE[code];
  if (storage === undefined) {
    throw cursor.fault(start + 4, `${what} has the unknown storage type ${code}`);
  }
  const stored =
    storage.auxiliaries > 0 ? readShape(cursor, cursor.int32('a shape'), 'int64', what) : undefined;
  const shapeAt = cursor.offset;
  const dimensions = cursor.int32('a shape');
  // Of unknown shape: MXNet writes nothing more. (With NumPy shapes, that is -1 dimensions, and 0 is a scalar.)
  if (dimensions === (first === RECORD_V3 ? -1 : 0)) {
    return { shape: [0], dtype: 'float32', data: new Float32Array(0), storage: storage.name };
  }
  const shape = readShape(cursor, dimensions, 'int64', what);
  if (first === RECORD_V2 && shape.includes(0)) {
    throw cursor.fault(shapeAt, `${what} has the shape [${shape}], in which 0 means unknown`);
  }
  cursor.skip(8, `the device of ${what}`);
  const dtype = readDtype(cursor, what);
  const auxiliaries = Array.from({ length: storage.auxiliaries }, () => {
    const auxiliaryType = readDtype(cursor, what);
    return { dtype: auxiliaryType, shape: readShape(cursor, cursor.int32('a shape'), 'int64', what) };
  });
  const data = readValues(cursor, stored ?? shape, dtype, what);
  for (const auxiliary of auxiliaries) {
    readValues(cursor, auxiliary.shape, auxiliary.dtype, what);
  }
  return { shape, dtype, data, storage: storage.name };
}

/** Records from before there were storage types: V1 has a magic word and wide sizes, V0 neither. */
function readLegacyRecord(cursor: ByteCursor, first: number, what: string, start: number): ArrayRecord {
  const shape =
    first === RECORD_V1
      ? readShape(cursor, cursor.int32('a shape'), 'int64', what)
      : readShape(cursor, first, 'uint32', what, start);
  if (shape.length === 0) {
    return { shape: [0], dtype: 'float32', data: new Float32Array(0), storage: STORAGE[DENSE].name };
  }
  cursor.skip(8, `the device of ${what}`);
  const dtype = readDtype(cursor, what);
  return { shape, dtype, data: readValues(cursor, shape, dtype, what), storage: STORAGE[DENSE].name };
}

function readShape(
  cursor: ByteCursor,
  dimensions: number,
  width: 'uint32' | 'int64',
  what: string,
  start = cursor.offset - 4,
): number[] {
  if (dimensions < 0 || dimensions > MAX_DIMENSIONS) {
    throw cursor.fault(
      start,
      `${what} claims ${dimensions} dimensions; at most ${MAX_DIMENSIONS} are possible`,
    );
  }
  const shape: number[] = [];
  for (let i = 0; i < dimensions; i++) {
    shape.push(
      width === 'uint32' ? cursor.uint32(`the shape of ${what}`) : cursor.size(`the shape of ${what}`),
    );
  }
  return shape;
}

function readDtype(cursor: ByteCursor, what: string): ElementType {
  const at = cursor.offset;
  const code = cursor.int32(`the element type of ${what}`);
  const dtype = DTYPES.get(code);
  if (dtype === undefined) {
    const known = [...DTYPES].map(([number, name]) => `${number} (${name})`).join(', ');
    throw cursor.fault(at, `${what} has the unknown element type ${code}; known are ${known}`);
  }
  return dtype;
}

function readValues(
  cursor: ByteCursor,
  shape: readonly number[],
  dtype: ElementType,
  what: string,
): NamedArray['data'] {
  const bytes = elementCount(shape) * ELEMENT_BYTES[dtype];
  return valuesFromBytes(cursor.take(bytes, `the values of ${what}, ${dtype} [${shape}]`), dtype);
}

/**
 * Writes an NDArray file, byte for byte as `mx.nd.save` of MXNet 1.9.
 *
 * @param file the arrays, and a name for each of them, or no names at all for a plain list
 * @throws BackbonesError `invalid-option` for arrays that MXNet cannot load: of another element type, without dimensions
 *   or with a zero among them
 */
export function serializeNdArrays(file: {
  readonly names?: readonly string[];
  readonly arrays: readonly Omit<NamedArray, 'name'>[];
}): Uint8Array {
  const { arrays, names = [] } = file;
  if (names.length !== 0 && names.length !== arrays.length) {
    throw new BackbonesError(
      'invalid-option',
      `${arrays.length} arrays need as many names or none, found ${names.length}`,
    );
  }
  const codes = arrays.map((array, i) => dtypeCode(array, names[i] ?? `array ${i}`));
  const encodedNames = names.map((name) => new TextEncoder().encode(name));
  const bodies = arrays.reduce((sum, { shape, data }) => sum + 24 + 8 * shape.length + data.byteLength, 0);
  const bytes = new Uint8Array(32 + bodies + encodedNames.reduce((sum, name) => sum + 8 + name.length, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, LIST_MAGIC, true);
  view.setUint32(16, arrays.length, true);
  let at = 24;
  arrays.forEach(({ shape, data }, i) => {
    view.setUint32(at, RECORD_V2, true);
    view.setInt32(at + 4, DENSE, true);
    view.setInt32(at + 8, shape.length, true);
    at += 12;
    for (const size of shape) {
      view.setBigInt64(at, BigInt(size), true);
      at += 8;
    }
    view.setInt32(at, CPU, true);
    view.setInt32(at + 8, codes[i]!, true);
    bytes.set(bytesOfValues(data), at + 12);
    at += 12 + data.byteLength;
  });
  view.setUint32(at, names.length, true);
  at += 8;
  for (const name of encodedNames) {
    view.setUint32(at, name.length, true);
    bytes.set(name, at + 8);
    at += 8 + name.length;
  }
  return bytes;
}

function dtypeCode(array: Omit<NamedArray, 'name'>, name: string): number {
  checkNamedArray({ ...array, name });
  const code = DTYPE_CODES.get(array.dtype);
  if (code === undefined) {
    throw new BackbonesError(
      'invalid-option',
      `${name}: MXNet has no ${array.dtype}; it has ${[...DTYPE_CODES.keys()].join(', ')}`,
    );
  }
  if (array.shape.length === 0 || array.shape.includes(0)) {
    throw new BackbonesError(
      'invalid-option',
      `${name}: MXNet cannot load an array of shape [${array.shape}]`,
    );
  }
  return code;
}
