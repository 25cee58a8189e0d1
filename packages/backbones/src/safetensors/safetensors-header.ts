/**
 * The header of a safetensors file, both ways: eight bytes with the length of a JSON object, then the object, which has for each tensor
 * its type, shape and place among the values behind it. `__metadata__` in it is a map of strings.
 *
 * The reader trusts nothing: lengths are compared with the bytes that are there before anything is made from them, and
 * the places must cover the data exactly, so that no two tensors share bytes and nothing hides between them.
 */
import { BackbonesError } from '../backbones-error.ts';
import { ELEMENT_BYTES, type ElementType, elementCount, type NamedArray } from '../named-array.ts';
import { headerOutline } from './header-outline.ts';

const LENGTH_BYTES = 8;
/** The limit of the format's own implementation. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA_KEY = '__metadata__';
const NAMES: Record<string, ElementType> = {
  BOOL: 'bool',
  I8: 'int8',
  U8: 'uint8',
  F8_E4M3: 'float8e4m3fn',
  F8_E5M2: 'float8e5m2',
  I16: 'int16',
  U16: 'uint16',
  F16: 'float16',
  BF16: 'bfloat16',
  I32: 'int32',
  U32: 'uint32',
  F32: 'float32',
  I64: 'int64',
  U64: 'uint64',
  F64: 'float64',
};
const CODES = Object.fromEntries(Object.entries(NAMES).map(([code, dtype]) => [dtype, code])) as Record<
  ElementType,
  string
>;

/** Where a tensor is. */
export interface SafetensorsEntry extends Omit<NamedArray, 'data'> {
  /** Its first byte in the file, and one past its last. */
  readonly start: number;
  readonly end: number;
}

/** What comes before the values. */
export interface SafetensorsHeader {
  /** In the order in which their values lie in the file. */
  readonly tensors: readonly SafetensorsEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes of the header with its length: where the values begin. */
  readonly byteLength: number;
}

/**
 * Reads the header of a file of which no more is looked at: for files that are too large to be read whole.
 *
 * @param read gives the bytes [start, end) of the file
 * @param fileBytes how many it has
 * @throws BackbonesError `invalid-file` with the byte offset, or `unsupported` for an element type unknown here; what `read` throws
 */
export async function readSafetensorsHeader(
  read: (start: number, end: number) => Promise<Uint8Array>,
  fileBytes: number,
): Promise<SafetensorsHeader> {
  const end = headerEnd(await read(0, Math.min(LENGTH_BYTES, fileBytes)), fileBytes);
  return parseHeader(await read(LENGTH_BYTES, end), fileBytes);
}

/** The same for a file in memory. */
export function safetensorsHeaderOf(bytes: Uint8Array): SafetensorsHeader {
  const end = headerEnd(bytes, bytes.length);
  return parseHeader(bytes.subarray(LENGTH_BYTES, end), bytes.length);
}

/** @param start the first bytes of the file */
function headerEnd(start: Uint8Array, fileBytes: number): number {
  if (start.length < LENGTH_BYTES) {
    throw invalid(
      0,
      `a safetensors file starts with 8 bytes of length, this one has ${fileBytes} bytes in all`,
    );
  }
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER_BYTES, fileBytes - LENGTH_BYTES))) {
    throw invalid(
      0,
      `the header claims ${length} bytes, ${fileBytes - LENGTH_BYTES} are there (and at most ${MAX_HEADER_BYTES} are allowed); is this a safetensors file, and a whole one?`,
    );
  }
  return LENGTH_BYTES + Number(length);
}

function parseHeader(json: Uint8Array, fileBytes: number): SafetensorsHeader {
  const byteLength = LENGTH_BYTES + json.length;
  const header = parseObject(json);
  const metadata = parseMetadata(header[METADATA_KEY]);
  const tensors = Object.entries(header)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, value]) => parseEntry(name, value, byteLength))
    .sort((a, b) => a.start - b.start || a.end - b.end);
  checkCoverage(tensors, byteLength, fileBytes);
  return { tensors, metadata, byteLength };
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  const outline = headerOutline(bytes);
  if (outline.fault !== undefined) {
    const { at, message } = outline.fault;
    throw invalid(LENGTH_BYTES + at, `the header has ${message}`);
  }
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid(LENGTH_BYTES, `the header is not JSON in UTF-8: ${(error as Error).message}`);
  }
  if (bytes[0] !== 0x7b || !isObject(header)) {
    throw invalid(LENGTH_BYTES, 'the header must be a JSON object and start with "{"');
  }
  const names = Object.keys(header).length;
  if (names !== outline.members) {
    throw invalid(
      LENGTH_BYTES,
      `the header has ${outline.members} members, but only ${names} names: one is there twice`,
    );
  }
  return header;
}

function parseMetadata(value: unknown): Record<string, string> {
  // The format's own implementation takes null for none, too.
  if (value === undefined || value === null) {
    return {};
  }
  if (!isObject(value) || Object.values(value).some((text) => typeof text !== 'string')) {
    throw invalid(LENGTH_BYTES, '"__metadata__" must map names to strings');
  }
  return value as Record<string, string>;
}

/** @param dataStart where the values begin in the file */
function parseEntry(name: string, value: unknown, dataStart: number): SafetensorsEntry {
  const where = `tensor ${JSON.stringify(name)}`;
  if (!isObject(value)) {
    throw invalid(LENGTH_BYTES, `${where} must be an object with dtype, shape and data_offsets`);
  }
  const { dtype: code, shape, data_offsets: offsets } = value;
  if (!isSizes(shape)) {
    throw invalid(LENGTH_BYTES, `${where}: shape must be an array of integers from 0 on`);
  }
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw invalid(LENGTH_BYTES, `${where}: data_offsets must be [start, end]`);
  }
  if (typeof code !== 'string' || !Object.hasOwn(NAMES, code)) {
    throw new BackbonesError(
      'unsupported',
      `safetensors: ${where} has dtype ${JSON.stringify(code)}; known are ${Object.keys(NAMES).join(', ')}`,
      { offset: LENGTH_BYTES },
    );
  }
  const dtype = NAMES[code]!;
  const [start, end] = offsets as [number, number];
  const expected = elementCount(shape) * ELEMENT_BYTES[dtype];
  if (end - start !== expected) {
    throw invalid(
      LENGTH_BYTES,
      `${where}: ${code} of shape [${shape}] takes ${expected} bytes, data_offsets [${start}, ${end}] give ${end - start}`,
    );
  }
  return { name, dtype, shape, start: dataStart + start, end: dataStart + end };
}

/** Entries, sorted by start, must cover the data without gap or overlap. */
function checkCoverage(entries: readonly SafetensorsEntry[], dataStart: number, fileBytes: number): void {
  let position = dataStart;
  for (const { name, start, end } of entries) {
    if (start !== position) {
      throw invalid(
        LENGTH_BYTES,
        `tensor ${JSON.stringify(name)} starts at ${start - dataStart} of the data, ${position - dataStart} was expected: tensors may neither overlap nor leave gaps`,
      );
    }
    position = end;
  }
  if (position !== fileBytes) {
    throw invalid(
      LENGTH_BYTES,
      `the tensors take ${position - dataStart} bytes of data, the file has ${fileBytes - dataStart}; is it cut short?`,
    );
  }
}

/**
 * All of a safetensors file that comes before the values, for values that are written as they become known. They follow in
 * the given order, row-major, little-endian, without a gap; give wider elements first, so that all are aligned.
 *
 * @throws BackbonesError `invalid-option` for a name that occurs twice or is reserved
 */
export function serializeSafetensorsHeader(
  tensors: readonly Omit<NamedArray, 'data'>[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const seen = new Set<string>([METADATA_KEY]);
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) {
    fields.push(`${JSON.stringify(METADATA_KEY)}:${JSON.stringify(metadata)}`);
  }
  let dataBytes = 0;
  for (const { name, dtype, shape } of tensors) {
    if (seen.has(name)) {
      throw new BackbonesError(
        'invalid-option',
        `safetensors: the name ${JSON.stringify(name)} is ${name === METADATA_KEY ? 'reserved' : 'there twice'}`,
      );
    }
    seen.add(name);
    const end = dataBytes + elementCount(shape) * ELEMENT_BYTES[dtype];
    fields.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype: CODES[dtype], shape, data_offsets: [dataBytes, end] })}`,
    );
    dataBytes = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const header = new Uint8Array(LENGTH_BYTES + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - LENGTH_BYTES), true);
  header.set(json, LENGTH_BYTES);
  return header;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function invalid(offset: number, message: string): BackbonesError {
  return new BackbonesError('invalid-file', `safetensors: ${message} (byte ${offset})`, { offset });
}
