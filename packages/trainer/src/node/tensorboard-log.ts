/**
 * A log that TensorBoard draws: scalars by tag and step, in its event file. The file is a sequence of TFRecords (length, payload,
 * and a masked CRC-32C of each), every payload a `tensorflow.Event` in protobuf's wire format; both are laid down in TensorFlow's
 * `core/util/event.proto` and `lib/io/record_writer.h`. A run that goes on writes another file into the same folder,
 * which is what TensorBoard expects.
 */
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LogFailure } from './log-failure.ts';

/** Appends scalars to an event file. Calls are written in order. */
export class TensorBoardLog {
  readonly path: string;
  readonly #failure: LogFailure;
  #writing: Promise<void>;

  /**
   * @param folder TensorBoard's `--logdir`, made when it is not there
   * @param options.now the time of the file's name and first event. Default: the clock
   * @param options.onFailure told of the first write that fails, as soon as it has. Nothing is written after it: a file with a hole is none
   */
  constructor(
    folder: string,
    options: { readonly now?: Date; readonly onFailure?: ((error: Error) => void) | undefined } = {},
  ) {
    const { now = new Date(), onFailure } = options;
    this.path = join(folder, `events.out.tfevents.${Math.floor(now.getTime() / 1000)}.${process.pid}`);
    this.#failure = new LogFailure(this.path, onFailure);
    this.#writing = mkdir(folder, { recursive: true }).then(() => {});
    this.#append([event(now, { fileVersion: 'brain.Event:2' })]);
  }

  /**
   * Says that a run begins, or goes on, with a step. What earlier files of the folder have from there on is no longer shown: steps that were
   * lost when the run was killed, or those of another run.
   */
  begin(step: number, now: Date = new Date()): void {
    this.#append([event(now, { step, isStart: true })]);
  }

  /**
   * Queues the values of a step, such as `{ loss: 1.2, 'learning rate': .1 }`. One that is not finite is left out: TensorBoard
   * cannot draw it.
   */
  append(step: number, scalars: Readonly<Record<string, number>>, now: Date = new Date()): void {
    const values = Object.entries(scalars).filter(([, value]) => Number.isFinite(value));
    if (values.length > 0) this.#append([event(now, { step, values })]);
  }

  /**
   * Waits until everything that was appended has been handed to the operating system.
   *
   * @throws {TrainingError} `not-written`, with the file, when any write so far has failed: the disk is full, say
   */
  async flush(): Promise<void> {
    await this.#writing;
    this.#failure.rethrow();
  }

  #append(events: readonly Buffer[]): void {
    const records = Buffer.concat(events.map(record));
    this.#writing = this.#writing
      .then(() => (this.#failure.happened ? undefined : appendFile(this.path, records)))
      .catch((error: unknown) => this.#failure.note(error));
  }
}

type EventContent =
  | { readonly fileVersion: string }
  | { readonly step: number; readonly isStart: true }
  | { readonly step: number; readonly values: readonly (readonly [tag: string, value: number])[] };

/** `tensorflow.Event`: 1 wall time (double, seconds), 2 step (int64), 3 file version (string), 5 summary, 7 session log (1 status: 1 start). */
function event(time: Date, content: EventContent): Buffer {
  const wallTime = Buffer.alloc(9);
  wallTime[0] = (1 << 3) | 1;
  wallTime.writeDoubleLE(time.getTime() / 1000, 1);
  if ('fileVersion' in content)
    return Buffer.concat([wallTime, bytesField(3, Buffer.from(content.fileVersion))]);
  const what =
    'isStart' in content
      ? bytesField(7, Buffer.from([1 << 3, 1]))
      : bytesField(5, Buffer.concat(content.values.map((value) => bytesField(1, summaryValue(...value)))));
  return Buffer.concat([wallTime, Buffer.from([2 << 3]), varint(content.step), what]);
}

/** `tensorflow.Summary.Value`: 1 tag (string), 2 simple value (float). */
function summaryValue(tag: string, value: number): Buffer {
  const simple = Buffer.alloc(5);
  simple[0] = (2 << 3) | 5;
  simple.writeFloatLE(value, 1);
  return Buffer.concat([bytesField(1, Buffer.from(tag)), simple]);
}

function bytesField(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function record(payload: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(payload.length));
  head.writeUInt32LE(maskedCrc(head.subarray(0, 8)), 8);
  const foot = Buffer.alloc(4);
  foot.writeUInt32LE(maskedCrc(payload));
  return Buffer.concat([head, payload, foot]);
}

/** TFRecord's checksum: CRC-32C, rotated and offset so that a checksum of data with checksums in it stays good. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli), reflected polynomial 0x82f63b78. Exported for its test with published vectors. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
