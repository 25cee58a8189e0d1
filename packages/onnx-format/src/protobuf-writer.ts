/**
 * The little of Protocol Buffers that writing an ONNX model takes: varints, 32-bit floats and length-delimited fields. A
 * message nested in another is written by itself first, because its length comes before its content. Large values
 * (weights) are never copied: a message is a list of pieces, and the weights are pieces of their own.
 */

const textEncoder = new TextEncoder();
/** From this size on, bytes are kept as a piece instead of being copied. */
const OWN_PIECE = 4096;

/** Writes one protobuf message, field by field, in the order of the calls. */
export class ProtobufWriter {
  /** What was written before `#buffer`. */
  readonly #pieces: Uint8Array[] = [];
  #buffer = new Uint8Array(64);
  /** Bytes of `#buffer` that are written, and in which the next piece starts. */
  #end = 0;
  #start = 0;
  #byteLength = 0;

  /** Bytes written so far. */
  get byteLength(): number {
    return this.#byteLength + this.#end - this.#start;
  }

  /** The bytes written so far, in pieces: some are the arrays that were given. */
  pieces(): readonly Uint8Array[] {
    this.#cut();
    return this.#pieces;
  }

  /** The bytes written so far, in one array. */
  finish(): Uint8Array {
    const bytes = new Uint8Array(this.byteLength);
    let offset = 0;
    for (const piece of this.pieces()) {
      bytes.set(piece, offset);
      offset += piece.length;
    }
    return bytes;
  }

  /** An integer field (int32, int64, enum); negative numbers take ten bytes, as the format wants. */
  integer(field: number, value: number | bigint): this {
    this.#varint(field << 3);
    if (typeof value === 'number' && value >= 0) this.#varint(value);
    else this.#wideVarint(BigInt(value));
    return this;
  }

  /** A float field (fixed 32 bits, little-endian). */
  float(field: number, value: number): this {
    this.#varint((field << 3) | 5);
    this.#reserve(4);
    new DataView(this.#buffer.buffer).setFloat32(this.#end, value, true);
    this.#end += 4;
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint((field << 3) | 2);
    this.#varint(value.length);
    return this.raw(value);
  }

  string(field: number, value: string): this {
    return this.bytes(field, textEncoder.encode(value));
  }

  message(field: number, write: (message: ProtobufWriter) => void): this {
    const message = new ProtobufWriter();
    write(message);
    this.#varint((field << 3) | 2);
    this.#varint(message.byteLength);
    for (const piece of message.pieces()) this.raw(piece);
    return this;
  }

  /** Fields that are written already. */
  raw(fields: Uint8Array): this {
    if (fields.length >= OWN_PIECE) {
      this.#cut();
      this.#pieces.push(fields);
      this.#byteLength += fields.length;
    } else {
      this.#reserve(fields.length);
      this.#buffer.set(fields, this.#end);
      this.#end += fields.length;
    }
    return this;
  }

  /** Makes a piece of what the buffer holds; what comes next begins a new one. */
  #cut(): void {
    if (this.#end === this.#start) return;
    this.#pieces.push(this.#buffer.subarray(this.#start, this.#end));
    this.#byteLength += this.#end - this.#start;
    this.#start = this.#end;
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#buffer.length) return;
    const pending = this.#buffer.subarray(this.#start, this.#end);
    this.#buffer = new Uint8Array(Math.max(2 * this.#buffer.length, pending.length + count));
    this.#buffer.set(pending);
    this.#start = 0;
    this.#end = pending.length;
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest > 127) {
      this.#buffer[this.#end++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#end++] = rest;
  }

  #wideVarint(value: bigint): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest > 127n) {
      this.#buffer[this.#end++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#buffer[this.#end++] = Number(rest);
  }
}
