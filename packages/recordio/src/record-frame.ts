/**
 * The frame around every record of a RecordIO file:
 *
 *     uint32 magic 0xced7230a | uint32 (part flag << 29 | length) | payload | zeros up to a multiple of 4
 *
 * So that a reader can find its way again by looking for the magic word, that word never stands at a multiple of 4
 * inside a payload: the writer cuts the payload there and leaves the word out, the reader puts it back in. The pieces
 * are framed one after another with part flags 1 (first), 2 (middle) and 3 (last); 0 is a whole record. The multiple
 * of 4 counts from the payload's start. Source: dmlc-core `recordio.h`, `recordio.cc`.
 */
import { RecordIOError } from './errors.ts';

/** First word of every frame, stored little-endian. */
export const RECORD_MAGIC = 0xced7230a;
/** Bytes of magic, part flag and length. */
export const FRAME_BYTES = 8;
/** A length has 29 bits. */
export const MAX_PAYLOAD_BYTES = 2 ** 29 - 1;

/** Part flags: a record in one piece, or the pieces of one that was cut at magic words. */
export const WHOLE = 0;
export const FIRST_PART = 1;
export const MIDDLE_PART = 2;
export const LAST_PART = 3;

const MAGIC_FIRST_BYTE = RECORD_MAGIC & 0xff;

/** Reads a little-endian uint32. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** Writes a little-endian uint32. */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Rounds a payload length up to what it takes in the file. */
export function paddedLength(length: number): number {
  return (length + 3) & ~3;
}

/** Part flag of the frame whose second word is `word`. */
export function partFlag(word: number): number {
  return word >>> 29;
}

/** Payload length of the frame whose second word is `word`. */
export function partLength(word: number): number {
  return word & MAX_PAYLOAD_BYTES;
}

/** One record as it stands in a file. */
export interface RawRecord {
  /** Byte offset of its (first) frame. */
  readonly offset: number;
  /** Byte offset just past its padding: where the next record starts. */
  readonly end: number;
  /** What was stored: a view of a block that was read, or for a record in parts a joined copy. */
  readonly payload: Uint8Array;
}

/**
 * Parses the record that starts at `block[at]`.
 *
 * @param block - bytes of the file from offset `base` on
 * @param fileLength - length of the whole file, against which lengths are checked before anything is read or allocated
 * @returns the record, or, when the block ends too early, how many bytes from `at` on are needed to get further
 * @throws RecordIOError naming the fault and its offset
 */
export function parseRecord(
  block: Uint8Array,
  at: number,
  base: number,
  fileLength: number,
): RawRecord | number {
  const start = base + at;
  if (at + FRAME_BYTES > block.length) {
    return needFrame(start, start, fileLength) - start;
  }
  const word = checkFrame(block, at, start);
  const length = partLength(word);
  const flag = partFlag(word);
  if (flag === WHOLE) {
    const end = at + FRAME_BYTES + paddedLength(length);
    if (end > block.length) {
      checkPayloadFits(start, length, fileLength);
      return end - at;
    }
    const payload = block.subarray(at + FRAME_BYTES, at + FRAME_BYTES + length);
    return { offset: start, end: base + end, payload };
  }
  if (flag !== FIRST_PART) {
    throw unexpectedPart(flag, start);
  }
  return parseParts(block, at, base, fileLength);
}

function parseParts(block: Uint8Array, at: number, base: number, fileLength: number): RawRecord | number {
  const start = base + at;
  let total = 0;
  let count = 0;
  let next = at;
  for (let flag = FIRST_PART; flag !== LAST_PART; count++) {
    const partStart = base + next;
    if (next + FRAME_BYTES > block.length) {
      return needFrame(partStart, start, fileLength) - start;
    }
    const word = checkFrame(block, next, partStart);
    flag = partFlag(word);
    if (count > 0 && flag !== MIDDLE_PART && flag !== LAST_PART) {
      throw unfinishedRecord(start, partStart);
    }
    const length = partLength(word);
    next += FRAME_BYTES + paddedLength(length);
    if (next > block.length) {
      checkPayloadFits(partStart, length, fileLength);
      return next - at;
    }
    total += length + (count > 0 ? 4 : 0);
  }
  return { offset: start, end: base + next, payload: joinParts(block, at, count, total) };
}

function joinParts(block: Uint8Array, at: number, count: number, total: number): Uint8Array {
  const payload = new Uint8Array(total);
  let from = at;
  let to = 0;
  for (let part = 0; part < count; part++) {
    if (part > 0) {
      writeUint32(payload, to, RECORD_MAGIC);
      to += 4;
    }
    const length = partLength(readUint32(block, from + 4));
    payload.set(block.subarray(from + FRAME_BYTES, from + FRAME_BYTES + length), to);
    to += length;
    from += FRAME_BYTES + paddedLength(length);
  }
  return payload;
}

/** Checks the magic at `bytes[at]` and gives the frame's second word. `offset` is where that is in the file. */
export function checkFrame(bytes: Uint8Array, at: number, offset: number): number {
  const magic = readUint32(bytes, at);
  if (magic !== RECORD_MAGIC) {
    throw new RecordIOError(
      'bad-magic',
      `Expected a record at byte ${offset}: the magic word 0xced7230a, found 0x${magic.toString(16).padStart(8, '0')}`,
      { offset },
    );
  }
  const word = readUint32(bytes, at + 4);
  if (partFlag(word) > LAST_PART) {
    throw new RecordIOError(
      'bad-part-flag',
      `The record at byte ${offset} has part flag ${partFlag(word)}; 0 to 3 are defined`,
      { offset },
    );
  }
  return word;
}

/** Throws unless a frame at `offset` with this payload length ends within the file. */
export function checkPayloadFits(offset: number, length: number, fileLength: number): void {
  const payloadEnd = offset + FRAME_BYTES + length;
  if (payloadEnd > fileLength) {
    const left = fileLength - offset - FRAME_BYTES;
    throw new RecordIOError(
      'truncated-payload',
      `The record at byte ${offset} says it has ${length} bytes, but the file ends after ${left} of them: it is cut short, or the length is wrong`,
      { offset },
    );
  }
  if (offset + FRAME_BYTES + paddedLength(length) > fileLength) {
    throw new RecordIOError(
      'truncated-padding',
      `The file ends at byte ${fileLength}, within the padding of the record at byte ${offset}`,
      { offset },
    );
  }
}

/** Gives where a frame at `offset` of the record at `recordStart` ends, or throws if that is past the end of the file. */
export function needFrame(offset: number, recordStart: number, fileLength: number): number {
  if (offset + FRAME_BYTES <= fileLength) {
    return offset + FRAME_BYTES;
  }
  if (offset !== recordStart) {
    throw new RecordIOError(
      'truncated-record',
      `The record at byte ${recordStart} is in several parts, and the file ends at byte ${fileLength} before the last of them`,
      { offset: recordStart },
    );
  }
  throw new RecordIOError(
    'truncated-frame',
    `The file ends at byte ${fileLength}, within the 8-byte frame that starts at byte ${offset}`,
    { offset },
  );
}

export function unexpectedPart(flag: number, offset: number): RecordIOError {
  const which = flag === MIDDLE_PART ? 'middle' : 'last';
  return new RecordIOError(
    'unexpected-part',
    `The frame at byte ${offset} is the ${which} part of a record whose first part is not there`,
    { offset },
  );
}

export function unfinishedRecord(recordStart: number, offset: number): RecordIOError {
  return new RecordIOError(
    'unfinished-record',
    `The record at byte ${recordStart} is in several parts, but at byte ${offset} another record starts before its last part`,
    { offset: recordStart },
  );
}

const MAGIC_AS_INT32 = RECORD_MAGIC | 0;
const WORDS_ARE_LITTLE_ENDIAN = new Uint8Array(Int32Array.of(1).buffer)[0] === 1;

/** The first multiple of 4, `from` or later, at which the magic word stands and the payload has to be cut; or -1. */
export function findAlignedMagic(payload: Uint8Array, from = 0): number {
  if (WORDS_ARE_LITTLE_ENDIAN && payload.byteOffset % 4 === 0) {
    const words = new Int32Array(payload.buffer, payload.byteOffset, payload.length >>> 2);
    const word = words.indexOf(MAGIC_AS_INT32, (from + 3) >>> 2);
    return word === -1 ? -1 : 4 * word;
  }
  const last = (payload.length & ~3) - 4;
  for (let at = payload.indexOf(MAGIC_FIRST_BYTE, from); at !== -1 && at <= last; ) {
    if ((at & 3) === 0 && readUint32(payload, at) === RECORD_MAGIC) {
      return at;
    }
    at = payload.indexOf(MAGIC_FIRST_BYTE, at + 1);
  }
  return -1;
}

/** One frame to be written: a part flag and the bytes `[start, end)` of the payload. */
export interface PayloadPart {
  readonly flag: number;
  readonly start: number;
  readonly end: number;
}

/** Cuts a payload into the parts it is stored in. */
export function splitPayload(payload: Uint8Array): PayloadPart[] {
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new RecordIOError(
      'record-too-large',
      `A record can have ${MAX_PAYLOAD_BYTES} bytes at most, this one has ${payload.length}`,
    );
  }
  const parts: PayloadPart[] = [];
  let start = 0;
  for (let at = findAlignedMagic(payload); at !== -1; at = findAlignedMagic(payload, start)) {
    parts.push({ flag: parts.length === 0 ? FIRST_PART : MIDDLE_PART, start, end: at });
    start = at + 4;
  }
  parts.push({ flag: parts.length === 0 ? WHOLE : LAST_PART, start, end: payload.length });
  return parts;
}

/** Bytes that parts take in a file. */
export function framedLength(parts: readonly PayloadPart[]): number {
  return parts.reduce((sum, part) => sum + FRAME_BYTES + paddedLength(part.end - part.start), 0);
}

/** Writes the frames of a payload into `target` (which must have zeros where the padding goes) and gives their end. */
export function writeFrames(
  payload: Uint8Array,
  parts: readonly PayloadPart[],
  target: Uint8Array,
  at: number,
): number {
  let next = at;
  for (const { flag, start, end } of parts) {
    const length = end - start;
    writeUint32(target, next, RECORD_MAGIC);
    writeUint32(target, next + 4, ((flag << 29) | length) >>> 0);
    target.set(
      start === 0 && end === payload.length ? payload : payload.subarray(start, end),
      next + FRAME_BYTES,
    );
    target.fill(0, next + FRAME_BYTES + length, next + FRAME_BYTES + paddedLength(length));
    next += FRAME_BYTES + paddedLength(length);
  }
  return next;
}

/** Frames one payload: exactly the bytes that MXNet's writer would add to a file. */
export function encodeRecord(payload: Uint8Array): Uint8Array {
  const parts = splitPayload(payload);
  const bytes = new Uint8Array(framedLength(parts));
  writeFrames(payload, parts, bytes, 0);
  return bytes;
}
