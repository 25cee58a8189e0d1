/** Naming every fault of a `.rec` and its `.idx`. */
import type { ByteSource } from './byte-source.ts';
import type { RecordIOErrorCode } from './errors.ts';
import { isRecordIOError } from './errors.ts';
import { GrowingColumn } from './growing-column.ts';
import { parseImageRecord } from './image-record.ts';
import { type IndexLines, readIndexLines } from './index-lines.ts';
import type { RawRecord } from './record-frame.ts';
import { findInSorted } from './record-index.ts';
import { type SalvageOptions, salvageRecords } from './record-salvage.ts';
import { surveyRecords } from './record-survey.ts';

/** Something wrong with a record file or its index. */
export interface RecordFault {
  /** Byte offset in the `.rec`: where the fault is, or where the index says a record is. For a line of the index that
   * cannot be read or is superseded (`index-syntax`): its byte offset in the `.idx`. */
  readonly offset: number;
  /** Which of the two files is at fault. */
  readonly file: 'records' | 'index';
  /** Key of the record, if the index tells. */
  readonly key?: number | undefined;
  readonly fault: RecordIOErrorCode;
  /** What is wrong, for a person. */
  readonly message: string;
}

/** Options of {@link verifyRecords}. */
export interface VerifyOptions extends SalvageOptions {
  readonly records: ByteSource;
  /** The `.idx`, checked against the records. */
  readonly index?: ByteSource | undefined;
  /**
   * Also demand that every payload has an image header and the labels that it announces, and, if nothing else is wrong,
   * that identity records (of the InsightFace layout, where there are some) fit the images. `'auto'` demands it if most
   * records have a header: then the others are faults, not something else. Default false.
   */
  readonly imageRecords?: boolean | 'auto' | undefined;
  /** Faults to list at most; further ones are only counted. Default 10,000. */
  readonly maxFaults?: number | undefined;
}

/** What {@link verifyRecords} found. */
export interface VerifyReport {
  /** Whole records. */
  readonly records: number;
  /** The first faults, those of the records before those of the index. */
  readonly faults: readonly RecordFault[];
  /** How many faults there are, listed or not. */
  readonly faultCount: number;
}

/** The faults that are listed, and the number of all. */
class FaultList {
  count = 0;
  readonly listed: RecordFault[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(fault: RecordFault): void {
    this.count++;
    if (this.listed.length < this.#limit) {
      this.listed.push(fault);
    }
  }

  /** Adds the faults of another list, and puts all in the order of the file. */
  include(other: FaultList): void {
    this.count += other.count;
    this.listed.push(...other.listed);
    this.listed.sort((a, b) => a.offset - b.offset);
    this.listed.length = Math.min(this.listed.length, this.#limit);
  }
}

/**
 * Checks a record file to its end, past every fault, and its index line by line.
 *
 * The file is read once; memory is the index, 8 bytes a record, and the list of faults.
 *
 * @throws only what the sources throw
 */
export async function verifyRecords(options: VerifyOptions): Promise<VerifyReport> {
  const { records, imageRecords = false, maxFaults = 10_000 } = options;
  const indexFaults = new FaultList(maxFaults);
  const lines = await readIndexLines(options.index, options, ({ code, message, offset = 0, key }) =>
    indexFaults.push({
      offset,
      file: 'index',
      key: typeof key === 'number' ? key : undefined,
      fault: code,
      message,
    }),
  );
  const faults = new FaultList(maxFaults);
  const headerFaults = new FaultList(maxFaults);
  const found = new GrowingColumn();
  const damaged = new GrowingColumn();
  for await (const stretch of salvageRecords(records, options)) {
    for (const record of stretch.records) {
      found.push(record.offset);
      if (imageRecords !== false) {
        checkImageHeader(record, lines, headerFaults);
      }
    }
    if (stretch.lost !== undefined) {
      const { offset, fault, message } = stretch.lost;
      damaged.push(offset);
      faults.push({ offset, file: 'records', key: lines?.keyAt(offset), fault, message });
    }
  }
  if (records.byteLength === 0) {
    faults.push({
      offset: 0,
      file: 'records',
      fault: 'empty-file',
      message: 'The file has no record: it is empty',
    });
  }
  if (lines !== undefined) {
    checkIndex(lines, found.toArray(), damaged.toArray(), records.byteLength, indexFaults);
  }
  if (imageRecords === true || (imageRecords === 'auto' && 2 * headerFaults.count < found.length)) {
    faults.include(headerFaults);
    if (faults.count + indexFaults.count === 0) {
      await checkIdentities(options, faults);
    }
  }
  return {
    records: found.length,
    faults: [...faults.listed, ...indexFaults.listed].slice(0, maxFaults),
    faultCount: faults.count + indexFaults.count,
  };
}

function checkImageHeader(record: RawRecord, lines: IndexLines | undefined, faults: FaultList): void {
  const { offset } = record;
  try {
    parseImageRecord(record.payload, { offset });
  } catch (error) {
    if (!isRecordIOError(error)) {
      throw error;
    }
    faults.push({
      offset,
      file: 'records',
      key: lines?.keyAt(offset),
      fault: error.code,
      message: error.message,
    });
  }
}

async function checkIdentities({ records, index, signal }: VerifyOptions, faults: FaultList): Promise<void> {
  try {
    await surveyRecords({ records, index, signal });
  } catch (error) {
    if (!isRecordIOError(error)) {
      throw error;
    }
    const { code: fault, offset = 0, key, message } = error;
    faults.push({ offset, file: 'records', key: typeof key === 'number' ? key : undefined, fault, message });
  }
}

function checkIndex(
  { keys, offsets }: IndexLines,
  found: Float64Array,
  damaged: Float64Array,
  fileLength: number,
  faults: FaultList,
): void {
  const listed = new Uint8Array(found.length);
  for (let line = 0; line < keys.length; line++) {
    const key = keys[line]!;
    const offset = offsets[line]!;
    const row = findInSorted(found, offset);
    if (row !== -1) {
      listed[row] = 1;
    } else if (offset >= fileLength) {
      const message = `The index has record ${key} at byte ${offset}, but the file ends at byte ${fileLength}`;
      faults.push({ offset, file: 'index', key, fault: 'index-past-end', message });
    } else if (findInSorted(damaged, offset) === -1) {
      const message = `The index has record ${key} at byte ${offset}, where no record starts`;
      faults.push({ offset, file: 'index', key, fault: 'index-not-a-record', message });
    }
  }
  for (let row = listed.indexOf(0); row !== -1; row = listed.indexOf(0, row + 1)) {
    const offset = found[row]!;
    const message = `The index does not have the record at byte ${offset}`;
    faults.push({ offset, file: 'index', fault: 'index-incomplete', message });
  }
}
