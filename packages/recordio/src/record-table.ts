/**
 * Where records are and what their image headers say, without reading the images: a few bytes of each record, gathered
 * into columns. This is what an index is built from, and how the labels of a dataset are known when it is opened.
 */
import type { ByteSource, ReadOptions } from './byte-source.ts';
import { RecordIOError } from './errors.ts';
import { GrowingColumn } from './growing-column.ts';
import { IMAGE_HEADER_BYTES, imageContentStart } from './image-record.ts';
import {
  checkFrame,
  checkPayloadFits,
  FIRST_PART,
  FRAME_BYTES,
  LAST_PART,
  MIDDLE_PART,
  needFrame,
  paddedLength,
  partFlag,
  partLength,
  RECORD_MAGIC,
  readUint32,
  unexpectedPart,
  unfinishedRecord,
  WHOLE,
} from './record-frame.ts';
import { readRecord } from './record-reader.ts';

/** Header and two labels: enough for an identity record. */
const PREFIX_BYTES = IMAGE_HEADER_BYTES + 8;
const WINDOW_BYTES = 1 << 20;
const SMALL_WINDOW_BYTES = 1 << 12;
/** Records larger than this on average are skipped over rather than read through. */
const LARGE_RECORD_BYTES = 1 << 17;

/** Columns, one row a record, in the order asked for (or of the file). */
export interface RecordTable {
  /** Number of rows. */
  readonly length: number;
  /** Byte offset of the record's first frame. */
  readonly offsets: Float64Array;
  /** Bytes the record takes in the file, frames and padding included. */
  readonly spans: Uint32Array;
  /** Bytes of content after the image header and labels; 0 marks an identity or header record. */
  readonly contentLengths: Uint32Array;
  /** `flag` of the image header. */
  readonly flags: Uint32Array;
  /** First label. */
  readonly labels: Float32Array;
  /** Second label, 0 if there is none. */
  readonly secondLabels: Float32Array;
  /** `id` of the image header. */
  readonly ids: BigUint64Array;
}

/** Options of {@link scanRecordTable}. */
export interface RecordTableOptions extends ReadOptions {
  /** Offsets to look at, ascending; records that overlap are an error. Default: every record of the file, found by walking from frame to frame. */
  readonly offsets?: Float64Array | undefined;
  /** Called now and then with the number of bytes behind and in total. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined;
}

/**
 * Reads the image headers of all records, or of those at given offsets.
 *
 * The file is read in large blocks as long as records are small, and skipped through when they are large.
 *
 * @throws RecordIOError naming the first record that is damaged, is not an image record, or is not there
 */
export async function scanRecordTable(
  source: ByteSource,
  options: RecordTableOptions = {},
): Promise<RecordTable> {
  const columns = new Columns(options.offsets?.length ?? 1024);
  const addRow = (head: RecordHead, prefix: Uint8Array): void => {
    columns.add(head, prefix, imageContentStart(prefix, head.payloadLength, { offset: head.offset }));
  };
  const joined = { offset: -1, prefix: new Uint8Array(0) };
  await walkHeads(source, options, (head) => {
    if (!head.multipart || head.offset === joined.offset) {
      addRow(head, head.multipart ? joined.prefix : head.prefix);
      return undefined;
    }
    // The header itself may be cut in two: read the record whole. It is rare enough.
    const expectedBytes = head.end - head.offset;
    return readRecord(source, head.offset, { ...options, expectedBytes }).then(({ payload }) => {
      joined.offset = head.offset;
      joined.prefix = payload.slice(0, PREFIX_BYTES);
      addRow(head, joined.prefix);
    });
  });
  return columns.table();
}

/**
 * Finds every record by walking from frame to frame; payloads are not looked at, so any RecordIO file will do.
 *
 * @returns ascending byte offsets
 * @throws RecordIOError at the first fault
 */
export async function scanRecordOffsets(
  source: ByteSource,
  options: Omit<RecordTableOptions, 'offsets'> = {},
): Promise<Float64Array> {
  const offsets = new GrowingColumn();
  await walkHeads(source, options, (head) => {
    offsets.push(head.offset);
    return undefined;
  });
  return offsets.toArray();
}

/** What is known of a record from its frames. The object is used again for the next one. */
interface RecordHead {
  offset: number;
  end: number;
  payloadLength: number;
  multipart: boolean;
  /** First bytes of the payload (of its first part). */
  prefix: Uint8Array;
}

/** A stretch of the file in memory. */
class Window {
  bytes: Uint8Array = new Uint8Array(0);
  base = 0;
  size = WINDOW_BYTES;
  #memory: Uint8Array = new Uint8Array(0);
  readonly source: ByteSource;
  readonly options: ReadOptions;

  constructor(source: ByteSource, options: ReadOptions) {
    this.source = source;
    this.options = options;
  }

  has(start: number, end: number): boolean {
    return start >= this.base && end <= this.base + this.bytes.length;
  }

  async load(start: number, end: number): Promise<void> {
    const stop = Math.min(this.source.byteLength, Math.max(end, start + this.size));
    // Nothing that was looked at before is looked at again, so one piece of memory is enough.
    if (this.#memory.length < stop - start) {
      this.#memory = new Uint8Array(stop - start);
    }
    this.bytes = await this.source.read(start, stop, { signal: this.options.signal, into: this.#memory });
    this.base = start;
  }
}

async function walkHeads(
  source: ByteSource,
  options: RecordTableOptions,
  visit: (head: RecordHead) => undefined | Promise<void>,
): Promise<void> {
  const { offsets, onProgress } = options;
  const fileLength = source.byteLength;
  const window = new Window(source, options);
  const head: RecordHead = { offset: 0, end: 0, payloadLength: 0, multipart: false, prefix: window.bytes };
  for (let row = 0; offsets === undefined ? head.end < fileLength : row < offsets.length; row++) {
    const offset = offsets === undefined ? head.end : offsets[row]!;
    if (offsets !== undefined) {
      checkIndexOffset(offset, row === 0 ? undefined : head, fileLength);
      if (row > 0 && offset === head.offset) {
        await visit(head);
        continue;
      }
    }
    const prefixEnd = Math.min(offset + FRAME_BYTES + PREFIX_BYTES, fileLength);
    if (!window.has(offset, prefixEnd)) {
      if (row >= 64) {
        window.size = offset / row > LARGE_RECORD_BYTES ? SMALL_WINDOW_BYTES : WINDOW_BYTES;
      }
      await window.load(offset, prefixEnd);
      onProgress?.(offset, fileLength);
    }
    const multipart = readHead(window, offset, fileLength, offsets !== undefined, head);
    if (multipart) {
      await followParts(window, fileLength, head);
    }
    const visited = visit(head);
    // Not for every record: a million needless turns of the event loop take a while.
    if (visited !== undefined) {
      await visited;
    }
  }
  onProgress?.(fileLength, fileLength);
}

function checkIndexOffset(offset: number, last: RecordHead | undefined, fileLength: number): void {
  // Two keys may stand for one record, but records do not overlap; nor is what two have in common read twice.
  if (last !== undefined && offset < last.end && offset !== last.offset) {
    throw new RecordIOError(
      'index-not-a-record',
      `The index has a record at byte ${offset}, within the one at byte ${last.offset}, which ends at byte ${last.end}: the index belongs to another file, or a length is damaged`,
      { offset },
    );
  }
  if (offset + FRAME_BYTES > fileLength) {
    throw new RecordIOError(
      'index-past-end',
      `The index has a record at byte ${offset}, but the file ends at byte ${fileLength}: the file is cut short, or the index belongs to another file`,
      { offset },
    );
  }
}

/** Fills `head` from the frame at `offset`; true if the record is in parts, of which only the first is known then. */
function readHead(
  window: Window,
  offset: number,
  fileLength: number,
  fromIndex: boolean,
  head: RecordHead,
): boolean {
  needFrame(offset, offset, fileLength);
  const at = offset - window.base;
  const { bytes } = window;
  if (
    fromIndex &&
    (readUint32(bytes, at) !== RECORD_MAGIC || partFlag(readUint32(bytes, at + 4)) > FIRST_PART)
  ) {
    throw new RecordIOError(
      'index-not-a-record',
      `The index has a record at byte ${offset}, where none starts: the index belongs to another file, or one of the two is damaged`,
      { offset },
    );
  }
  const word = checkFrame(bytes, at, offset);
  const flag = partFlag(word);
  if (flag !== WHOLE && flag !== FIRST_PART) {
    throw unexpectedPart(flag, offset);
  }
  const length = partLength(word);
  checkPayloadFits(offset, length, fileLength);
  const payloadStart = at + FRAME_BYTES;
  head.offset = offset;
  head.end = offset + FRAME_BYTES + paddedLength(length);
  head.payloadLength = length;
  head.multipart = flag === FIRST_PART;
  head.prefix = bytes.subarray(payloadStart, payloadStart + Math.min(length, PREFIX_BYTES));
  return head.multipart;
}

async function followParts(window: Window, fileLength: number, head: RecordHead): Promise<void> {
  for (let flag = FIRST_PART; flag !== LAST_PART; ) {
    const frameEnd = needFrame(head.end, head.offset, fileLength);
    if (!window.has(head.end, frameEnd)) {
      await window.load(head.end, frameEnd);
    }
    const word = checkFrame(window.bytes, head.end - window.base, head.end);
    flag = partFlag(word);
    if (flag !== MIDDLE_PART && flag !== LAST_PART) {
      throw unfinishedRecord(head.offset, head.end);
    }
    checkPayloadFits(head.end, partLength(word), fileLength);
    head.end += FRAME_BYTES + paddedLength(partLength(word));
    head.payloadLength += 4 + partLength(word);
  }
}

/** The table while it grows. */
class Columns {
  #length = 0;
  #offsets: Float64Array;
  #spans: Uint32Array;
  #contentLengths: Uint32Array;
  #flags: Uint32Array;
  #labels: Float32Array;
  #secondLabels: Float32Array;
  #ids: BigUint64Array;
  readonly #floatBits = new Uint32Array(1);
  readonly #float = new Float32Array(this.#floatBits.buffer);

  constructor(capacity: number) {
    this.#offsets = new Float64Array(capacity);
    this.#spans = new Uint32Array(capacity);
    this.#contentLengths = new Uint32Array(capacity);
    this.#flags = new Uint32Array(capacity);
    this.#labels = new Float32Array(capacity);
    this.#secondLabels = new Float32Array(capacity);
    this.#ids = new BigUint64Array(capacity);
  }

  add(head: RecordHead, prefix: Uint8Array, contentStart: number): void {
    if (this.#length === this.#offsets.length) {
      this.#grow();
    }
    const row = this.#length++;
    const flag = readUint32(prefix, 0);
    this.#offsets[row] = head.offset;
    this.#spans[row] = head.end - head.offset;
    this.#contentLengths[row] = head.payloadLength - contentStart;
    this.#flags[row] = flag;
    this.#labels[row] = this.#readFloat(prefix, flag === 0 ? 4 : IMAGE_HEADER_BYTES);
    this.#secondLabels[row] = flag < 2 ? 0 : this.#readFloat(prefix, IMAGE_HEADER_BYTES + 4);
    this.#ids[row] = BigInt(readUint32(prefix, 8)) | (BigInt(readUint32(prefix, 12)) << 32n);
  }

  table(): RecordTable {
    const length = this.#length;
    return {
      length,
      offsets: this.#offsets.slice(0, length),
      spans: this.#spans.slice(0, length),
      contentLengths: this.#contentLengths.slice(0, length),
      flags: this.#flags.slice(0, length),
      labels: this.#labels.slice(0, length),
      secondLabels: this.#secondLabels.slice(0, length),
      ids: this.#ids.slice(0, length),
    };
  }

  #readFloat(bytes: Uint8Array, at: number): number {
    this.#floatBits[0] = readUint32(bytes, at);
    return this.#float[0]!;
  }

  #grow(): void {
    const capacity = Math.max(2 * this.#offsets.length, 16);
    this.#offsets = copyInto(new Float64Array(capacity), this.#offsets);
    this.#spans = copyInto(new Uint32Array(capacity), this.#spans);
    this.#contentLengths = copyInto(new Uint32Array(capacity), this.#contentLengths);
    this.#flags = copyInto(new Uint32Array(capacity), this.#flags);
    this.#labels = copyInto(new Float32Array(capacity), this.#labels);
    this.#secondLabels = copyInto(new Float32Array(capacity), this.#secondLabels);
    const ids = new BigUint64Array(capacity);
    ids.set(this.#ids);
    this.#ids = ids;
  }
}

function copyInto<T extends Float64Array | Uint32Array | Float32Array>(larger: T, column: T): T {
  larger.set(column);
  return larger;
}
