/**
 * Reads Protocol Buffers without a schema compiler: a message is a run of fields, each with a number and one of four
 * wire types; whoever reads says what a field is meant to be. Nothing is believed: a length is compared with the bytes
 * that are there before anything is made from it, and every fault says what was read, and where in the file.
 *
 * A nested message is a view, so reading a file touches each byte about once and copies nothing.
 */
import { OnnxFormatError } from './onnx-format-error.ts';

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;
const WIRE_TYPES: Readonly<Record<number, string>> = {
  [VARINT]: 'a varint',
  [FIXED_64]: '64 fixed bits',
  [LENGTH_DELIMITED]: 'bytes with a length',
  [FIXED_32]: '32 fixed bits',
};

/** Far deeper than graphs within graphs are nested in any real model; keeps hostile ones from using up the stack. */
const MAX_DEPTH = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** One message, or the whole file. */
export class ProtobufMessage {
  /** The message's type, as errors call it. */
  readonly type: string;
  readonly bytes: Uint8Array;
  /** Offset of the message in the file. */
  readonly offset: number;
  readonly depth: number;
  #position = 0;

  constructor(type: string, bytes: Uint8Array, place: { offset?: number; depth?: number } = {}) {
    const { offset = 0, depth = 0 } = place;
    this.type = type;
    this.bytes = bytes;
    this.offset = offset;
    this.depth = depth;
    if (depth > MAX_DEPTH) {
      throw this.fault(offset, `is nested more than ${MAX_DEPTH} messages deep`);
    }
  }

  /** The fields, one after another, in the order of the file. */
  *fields(): Generator<ProtobufField> {
    while (this.#position < this.bytes.length) {
      const start = this.#position;
      const tag = Number(this.#varint());
      const number = Math.floor(tag / 8);
      const wireType = tag % 8;
      if (number < 1 || number > 2 ** 29 - 1) {
        throw this.fault(this.offset + start, `has a field of number ${number}, which there cannot be`);
      }
      yield this.#field(number, wireType, start);
    }
  }

  /** An error about this message. */
  fault(offset: number, message: string): OnnxFormatError {
    return new OnnxFormatError('invalid-file', `ONNX: ${this.type} ${message} (byte ${offset})`, { offset });
  }

  #field(number: number, wireType: number, start: number): ProtobufField {
    switch (wireType) {
      case VARINT: {
        const from = this.#position;
        this.#varint();
        return new ProtobufField(this, number, wireType, start, from, this.#position);
      }
      case FIXED_64:
        return this.#delimited(number, wireType, start, 8);
      case FIXED_32:
        return this.#delimited(number, wireType, start, 4);
      case LENGTH_DELIMITED: {
        const length = this.#varint();
        const left = this.bytes.length - this.#position;
        if (length > left) {
          throw this.fault(
            this.offset + start,
            `claims ${length} bytes for field ${number}, of which ${left} are left; is the file cut short?`,
          );
        }
        return this.#delimited(number, wireType, start, Number(length));
      }
      default:
        throw this.fault(
          this.offset + start,
          `has wire type ${wireType} at field ${number}, which ONNX does not use; is this an ONNX file?`,
        );
    }
  }

  #delimited(number: number, wireType: number, start: number, length: number): ProtobufField {
    const from = this.#position;
    const left = this.bytes.length - from;
    if (length > left) {
      throw this.fault(
        this.offset + start,
        `needs ${length} bytes for field ${number}, of which ${left} are left; is the file cut short?`,
      );
    }
    this.#position += length;
    return new ProtobufField(this, number, wireType, start, from, this.#position);
  }

  #varint(): number | bigint {
    const { value, end } = readVarint(this, this.#position, this.bytes.length);
    this.#position = end;
    return value;
  }
}

/** A field of a message, not looked into yet. */
export class ProtobufField {
  readonly number: number;
  readonly #message: ProtobufMessage;
  readonly #wireType: number;
  /** Of the tag, of the value, and behind it, in the message. */
  readonly #start: number;
  readonly #from: number;
  readonly #to: number;

  constructor(
    message: ProtobufMessage,
    number: number,
    wireType: number,
    start: number,
    from: number,
    to: number,
  ) {
    this.#message = message;
    this.number = number;
    this.#wireType = wireType;
    this.#start = start;
    this.#from = from;
    this.#to = to;
  }

  /** Offset in the file. */
  get offset(): number {
    return this.#message.offset + this.#start;
  }

  /** Tag and value as they lie in the file. */
  get encoded(): Uint8Array {
    return this.#message.bytes.subarray(this.#start, this.#to);
  }

  /** An int64, a bigint where a number would not be exact. */
  integer(name: string): number | bigint {
    this.#expect(VARINT, name);
    return signed(readVarint(this.#message, this.#from, this.#to).value);
  }

  /** An integer from 0 to 2^53. */
  size(name: string): number {
    const value = this.integer(name);
    if (typeof value === 'bigint' || value < 0) throw this.fault(name, `is ${value}, expected 0 or more`);
    return value;
  }

  float(name: string): number {
    this.#expect(FIXED_32, name);
    return this.#view().getFloat32(0, true);
  }

  bytes(name: string): Uint8Array {
    this.#expect(LENGTH_DELIMITED, name);
    return this.#message.bytes.subarray(this.#from, this.#to);
  }

  text(name: string): string {
    const bytes = this.bytes(name);
    try {
      return utf8.decode(bytes);
    } catch {
      throw this.fault(name, 'is not UTF-8');
    }
  }

  message(name: string, type: string): ProtobufMessage {
    const place = { offset: this.#message.offset + this.#from, depth: this.#message.depth + 1 };
    return new ProtobufMessage(type, this.bytes(name), place);
  }

  /** One or many integers: repeated fields come packed, or one by one. */
  integers(name: string, into: (number | bigint)[]): void {
    if (this.#wireType === VARINT) {
      into.push(this.integer(name));
      return;
    }
    this.#expect(LENGTH_DELIMITED, name);
    for (let position = this.#from; position < this.#to; ) {
      const { value, end } = readVarint(this.#message, position, this.#to);
      into.push(signed(value));
      position = end;
    }
  }

  /** The little-endian bytes of one or many fixed-size numbers, packed or one by one. */
  fixed(name: string, bytes: 4 | 8): Uint8Array {
    if (this.#wireType !== (bytes === 4 ? FIXED_32 : FIXED_64)) this.#expect(LENGTH_DELIMITED, name);
    const length = this.#to - this.#from;
    if (length % bytes !== 0) throw this.fault(name, `has ${length} bytes, which ${bytes} do not divide`);
    return this.#message.bytes.subarray(this.#from, this.#to);
  }

  /** An error about this field. */
  fault(name: string, message: string): OnnxFormatError {
    return this.#message.fault(this.offset, `field ${name} ${message}`);
  }

  #expect(wireType: number, name: string): void {
    if (this.#wireType === wireType) return;
    throw this.fault(name, `is ${WIRE_TYPES[this.#wireType]}, expected ${WIRE_TYPES[wireType]}`);
  }

  #view(): DataView {
    const { buffer, byteOffset } = this.#message.bytes;
    return new DataView(buffer, byteOffset + this.#from, this.#to - this.#from);
  }
}

/** Adds a field to those of its number. */
export function addField(fields: Map<number, ProtobufField[]>, field: ProtobufField): void {
  const before = fields.get(field.number);
  if (before === undefined) fields.set(field.number, [field]);
  else before.push(field);
}

function signed(value: number | bigint): number | bigint {
  if (typeof value === 'number') return value;
  const integer = BigInt.asIntN(64, value);
  return integer >= Number.MIN_SAFE_INTEGER && integer <= Number.MAX_SAFE_INTEGER ? Number(integer) : integer;
}

/** A varint of at most 64 bits, unsigned, within the bytes `[from, to)` of a message: a bigint from 2^28 on. */
function readVarint(
  message: ProtobufMessage,
  from: number,
  to: number,
): { value: number | bigint; end: number } {
  const { bytes } = message;
  let low = 0;
  // Nearly all have at most four bytes: 28 bits, which a number shifts.
  for (let i = 0; i < 4; i++) {
    const byte = from + i < to ? bytes[from + i]! : -1;
    if (byte < 0) break;
    low |= (byte & 127) << (7 * i);
    if (byte < 128) return { value: low, end: from + i + 1 };
  }
  let value = 0n;
  for (let i = 0; i < 10 && from + i < to; i++) {
    const byte = bytes[from + i]!;
    value |= BigInt(byte & 127) << BigInt(7 * i);
    if (byte < 128) {
      if (value >> 64n) break;
      return { value, end: from + i + 1 };
    }
  }
  throw message.fault(message.offset + from, 'has an integer that does not end, or is wider than 64 bits');
}
