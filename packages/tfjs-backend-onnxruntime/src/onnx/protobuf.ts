// The little of Protocol Buffers that writing an ONNX model takes: varints, 32-bit floats and length-delimited
// fields. A message is written into a growing byte buffer; a nested message is written into a buffer of its own
// first, because its length comes before its content.

const textEncoder = new TextEncoder();

/** Writes one protobuf message, field by field, in the order of the calls. */
export class ProtobufWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** The bytes written so far (a view that later writes may leave behind). */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** An integer field (int32, int64, enum); negative numbers take ten bytes, as the format wants. */
  integer(field: number, value: number): this {
    this.#varint(field << 3);
    if (value >= 0) this.#varint(value);
    else this.#negativeVarint(value);
    return this;
  }

  /** A float field (fixed 32 bits, little-endian). */
  float(field: number, value: number): this {
    this.#varint((field << 3) | 5);
    this.#reserve(4);
    new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint((field << 3) | 2);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, textEncoder.encode(value));
  }

  message(field: number, write: (message: ProtobufWriter) => void): this {
    const message = new ProtobufWriter();
    write(message);
    return this.bytes(field, message.finish());
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  #negativeVarint(value: number): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      this.#bytes[this.#length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }
}
