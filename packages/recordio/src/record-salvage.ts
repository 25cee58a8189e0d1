/**
 * Reading past damage. A frame never has the magic word at a multiple of 4 inside it, and frames start at multiples of
 * 4, so after a fault the next such magic word that begins a record is where reading can go on.
 */
import { BrokenChains } from './broken-chains.ts';
import type { ByteSource, ReadOptions } from './byte-source.ts';
import { isRecordIOError, RecordIOError, type RecordIOErrorCode } from './errors.ts';
import {
  FIRST_PART,
  FRAME_BYTES,
  findAlignedMagic,
  parseRecord,
  partFlag,
  type RawRecord,
  readUint32,
} from './record-frame.ts';

const BLOCK_BYTES = 1 << 20;
/** No record that has to be read again from its start, to look for others within it, is longer than half of this. */
const LARGEST_BLOCK_BYTES = 2 ** 30;

/** A stretch of a file that is not a whole record. */
export interface LostBytes {
  /** Byte offset of the fault. */
  readonly offset: number;
  /** Byte offset of the next record, or the end of the file. */
  readonly end: number;
  readonly fault: RecordIOErrorCode;
  readonly message: string;
}

/** Records and losses, in the order of the file. */
export interface SalvagedStretch {
  readonly records: readonly RawRecord[];
  /** The loss that follows these records. */
  readonly lost?: LostBytes | undefined;
}

/** Options of {@link salvageRecords}. */
export interface SalvageOptions extends ReadOptions {
  /** Called now and then with the number of bytes behind and in total. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined;
}

/**
 * Reads every whole record of a file, however damaged, and says what lies between them. Linear in the size of the file.
 *
 * A record whose length reaches over the start of another one, and beyond which no record follows, counts as lost, so
 * that the ones it swallowed are found.
 *
 * @throws only what the source throws
 */
export async function* salvageRecords(
  source: ByteSource,
  options: SalvageOptions = {},
): AsyncGenerator<SalvagedStretch, void> {
  const window = new Window(source, options);
  let records: RawRecord[] = [];
  let at = 0;
  while (at < source.byteLength) {
    const result = await window.parse(at);
    if (!(result instanceof RecordIOError)) {
      // The last record is kept back until it is known that something can follow it.
      if (records.length > 0 && records[0]!.offset < window.base) {
        const last = records.pop()!;
        yield { records };
        records = [last];
      }
      records.push(result);
      at = result.end;
      continue;
    }
    const swallowing = swallowingLength(records.at(-1));
    if (swallowing !== undefined) {
      records.pop();
      at = swallowing.offset!;
    }
    const lost = await findLoss(window, at, swallowing ?? result);
    yield { records, lost };
    records = [];
    at = lost.end;
  }
  if (records.length > 0) {
    yield { records };
  }
  options.onProgress?.(source.byteLength, source.byteLength);
}

function swallowingLength(record: RawRecord | undefined): RecordIOError | undefined {
  const isWhole =
    record !== undefined && record.end - record.offset - FRAME_BYTES - record.payload.length < 4;
  const inside = isWhole ? findAlignedMagic(record.payload) : -1;
  if (record === undefined || inside === -1) {
    return undefined;
  }
  const { offset, payload } = record;
  return new RecordIOError(
    'bad-length',
    `The record at byte ${offset} says it has ${payload.length} bytes, but another one starts within them, at byte ${offset + FRAME_BYTES + inside}`,
    { offset },
  );
}

async function findLoss(window: Window, at: number, fault: RecordIOError): Promise<LostBytes> {
  const { next, onlyZeros } = await window.findRecord(at);
  const end = next ?? window.source.byteLength;
  if (fault.code === 'truncated-payload' && next !== undefined) {
    const message = `The record at byte ${at} has a length that goes past the end of the file, but another record starts at byte ${next}: the length is wrong`;
    return { offset: at, end, fault: 'length-past-end', message };
  }
  if (next === undefined && onlyZeros) {
    const message = `The last ${end - at} bytes, from byte ${at} on, are zeros after the last record`;
    return { offset: at, end, fault: 'trailing-bytes', message };
  }
  return { offset: at, end, fault: fault.code, message: fault.message };
}

/** A stretch of the file in memory, replaced by a larger one when a record needs it. */
class Window {
  base = 0;
  readonly source: ByteSource;
  readonly #options: SalvageOptions;
  #bytes: Uint8Array = new Uint8Array(0);
  #size = BLOCK_BYTES;
  #loadedBytes = 0;
  readonly #broken = new BrokenChains();

  constructor(source: ByteSource, options: SalvageOptions) {
    this.source = source;
    this.#options = options;
  }

  async parse(offset: number): Promise<RawRecord | RecordIOError> {
    for (let needed = FRAME_BYTES; ; ) {
      if (offset < this.base || offset >= this.base + this.#bytes.length) {
        this.#size = BLOCK_BYTES;
        await this.#load(offset, needed);
      }
      const result = this.#parseHere(offset - this.base);
      if (typeof result !== 'number') {
        return result;
      }
      needed = result;
      // At least twice as much each time, or hostile lengths could make this quadratic.
      this.#size = offset === this.base ? 2 * this.#size : BLOCK_BYTES;
      await this.#load(offset, needed);
    }
  }

  #parseHere(at: number): RawRecord | RecordIOError | number {
    const broken = this.#broken.reachedFrom(this.#bytes, at, this.base);
    if (broken !== undefined) {
      const offset = this.base + at;
      return new RecordIOError(
        'unfinished-record',
        `The record at byte ${offset} is in several parts, which lead to that at byte ${broken}, of another record that is not whole`,
        { offset },
      );
    }
    try {
      return parseRecord(this.#bytes, at, this.base, this.source.byteLength);
    } catch (fault) {
      if (!isRecordIOError(fault)) {
        throw fault;
      }
      this.#broken.add(this.#bytes, at, this.base);
      return fault;
    }
  }

  /** The first record that starts after `offset`, and whether there was nothing but zeros from `offset` to the end. */
  async findRecord(offset: number): Promise<{ next: number | undefined; onlyZeros: boolean }> {
    let onlyZeros = true;
    let from = Math.ceil((offset + 1) / 4) * 4;
    if (offset >= this.base && offset < this.base + this.#bytes.length) {
      onlyZeros = this.#bytes.subarray(offset - this.base, from - this.base).every((byte) => byte === 0);
    } else {
      onlyZeros = (
        await this.source.read(offset, Math.min(from, this.source.byteLength), this.#options)
      ).every((byte) => byte === 0);
    }
    while (from < this.source.byteLength) {
      if (from < this.base || from + FRAME_BYTES > this.base + this.#bytes.length) {
        this.#size = BLOCK_BYTES;
        await this.#load(from, FRAME_BYTES);
      }
      const stretch = this.#bytes.subarray(from - this.base);
      onlyZeros &&= stretch.every((byte) => byte === 0);
      for (let at = findAlignedMagic(stretch); at !== -1; at = findAlignedMagic(stretch, at + 1)) {
        if (at + FRAME_BYTES > stretch.length) {
          break;
        }
        if (partFlag(readUint32(stretch, at + 4)) <= FIRST_PART) {
          return { next: from + at, onlyZeros: false };
        }
      }
      if (from + stretch.length === this.source.byteLength) {
        break;
      }
      // A frame may straddle the end of the window.
      from += Math.max(4, (stretch.length - FRAME_BYTES + 1) & ~3);
    }
    return { next: undefined, onlyZeros };
  }

  async #load(offset: number, needed: number): Promise<void> {
    // Undamaged files are read once, or twice if records are large. Where damage leads back and forth, the window grows
    // until it covers both ends, or hostile files would be read again and again.
    const backAndForth = this.#loadedBytes > 4 * (offset + BLOCK_BYTES);
    const size = backAndForth
      ? Math.min(Math.max(this.#size, 2 * this.#bytes.length), LARGEST_BLOCK_BYTES)
      : this.#size;
    const end = Math.min(this.source.byteLength, offset + Math.max(needed, size));
    this.#bytes = await this.source.read(offset, end, this.#options);
    this.#loadedBytes += end - offset;
    this.base = offset;
    this.#options.onProgress?.(offset, this.source.byteLength);
  }
}
