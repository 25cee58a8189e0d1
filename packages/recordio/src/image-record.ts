/**
 * The header that MXNet puts before the image bytes inside a record's payload ("IRHeader"), little-endian:
 *
 *     uint32 flag | float32 label | uint64 id | uint64 id2 | flag x float32 labels | content
 *
 * With flag 0 the one label is the header's own; with flag n > 0 that field is 0 and n labels follow.
 * Labels are float32: whole numbers are exact up to 2^24 only.
 */
import { RecordIOError } from './errors.ts';
import { readUint32, writeUint32 } from './record-frame.ts';

/** Bytes before the labels. */
export const IMAGE_HEADER_BYTES = 24;
/** Whole numbers up to here are exact as float32 labels. */
export const MAX_EXACT_LABEL = 2 ** 24;

const MAX_UINT64 = 2n ** 64n - 1n;

/** A header without its content. */
export interface ImageRecordHeader {
  /** Number of labels that follow the header; 0 if the label is in the header itself. */
  readonly flag: number;
  /** Labels, one at least, as float32 values. */
  readonly labels: readonly number[];
  /** Usually the record's key. All 64 bits, hence a bigint. */
  readonly id: bigint;
  readonly id2: bigint;
}

/** The payload of an image record, taken apart. */
export interface ImageRecord extends ImageRecordHeader {
  /** What follows header and labels, usually an encoded image; a view of the payload. */
  readonly content: Uint8Array;
}

/**
 * Takes the payload of an image record apart.
 *
 * @throws RecordIOError `bad-image-header` if the payload is shorter than its header and labels
 */
export function parseImageRecord(
  payload: Uint8Array,
  place: { offset?: number; key?: number | string } = {},
): ImageRecord {
  const contentStart = imageContentStart(payload, payload.length, place);
  const view = new DataView(payload.buffer, payload.byteOffset, contentStart);
  const flag = view.getUint32(0, true);
  const labels =
    flag === 0
      ? [view.getFloat32(4, true)]
      : Array.from({ length: flag }, (_, i) => view.getFloat32(IMAGE_HEADER_BYTES + 4 * i, true));
  return {
    flag,
    labels,
    id: view.getBigUint64(8, true),
    id2: view.getBigUint64(16, true),
    content: payload.subarray(contentStart),
  };
}

/** Where the content starts in a payload of `payloadLength` bytes of which at least the first 4 are in `prefix`. */
export function imageContentStart(
  prefix: Uint8Array,
  payloadLength: number,
  place: { offset?: number; key?: number | string } = {},
): number {
  const where = place.offset === undefined ? 'A record' : `The record at byte ${place.offset}`;
  if (payloadLength < IMAGE_HEADER_BYTES) {
    throw new RecordIOError(
      'bad-image-header',
      `${where} is not an image record: its ${payloadLength} bytes are fewer than the ${IMAGE_HEADER_BYTES} of an image header`,
      place,
    );
  }
  const flag = readUint32(prefix, 0);
  const start = IMAGE_HEADER_BYTES + 4 * flag;
  if (start > payloadLength) {
    throw new RecordIOError(
      'bad-image-header',
      `${where} is not an image record: its header announces ${flag} labels, which do not fit into its ${payloadLength} bytes`,
      place,
    );
  }
  return start;
}

/** What {@link encodeImageRecord} takes. */
export interface ImageRecordInit {
  /** One number gives flag 0; an array of n labels gives flag n (also for n = 1), as MXNet's `pack` does. */
  readonly label: number | readonly number[];
  readonly id?: number | bigint | undefined;
  readonly id2?: number | bigint | undefined;
  readonly content?: Uint8Array | undefined;
}

/**
 * Builds the payload of an image record.
 *
 * @throws RecordIOError `bad-id` if an id is not a whole number of 64 bits, or a number past 2^53 (give a bigint then)
 */
export function encodeImageRecord({ label, id = 0, id2 = 0, content }: ImageRecordInit): Uint8Array {
  const labels = typeof label === 'number' ? [] : label;
  const contentStart = IMAGE_HEADER_BYTES + 4 * labels.length;
  const payload = new Uint8Array(contentStart + (content?.length ?? 0));
  writeUint32(payload, 0, labels.length);
  const view = new DataView(payload.buffer);
  view.setFloat32(4, typeof label === 'number' ? label : 0, true);
  view.setBigUint64(8, checkedId(id), true);
  view.setBigUint64(16, checkedId(id2), true);
  labels.forEach((value, i) => {
    view.setFloat32(IMAGE_HEADER_BYTES + 4 * i, value, true);
  });
  if (content !== undefined) {
    payload.set(content, contentStart);
  }
  return payload;
}

function checkedId(id: number | bigint): bigint {
  const whole = typeof id === 'bigint' || Number.isSafeInteger(id) ? BigInt(id) : -1n;
  if (whole < 0n || whole > MAX_UINT64) {
    throw new RecordIOError(
      'bad-id',
      `A record id must be a whole number from 0 to 2^64 - 1 (a bigint past 2^53), not ${id}`,
    );
  }
  return whole;
}
