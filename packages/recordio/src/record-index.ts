/**
 * The `.idx` file beside a `.rec`: one line `key TAB byte offset` a record, in the order in which they were written.
 *
 * Kept as two columns, since a large dataset has ten million lines.
 */
import { RecordIOError } from './errors.ts';
import { GrowingColumn } from './growing-column.ts';

const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const ZERO = 48;
const NINE = 57;

/** Keys and byte offsets, line by line. */
export interface RecordIndex {
  /** Number of lines. */
  readonly length: number;
  readonly keys: Float64Array;
  readonly offsets: Float64Array;
}

/** A line of an `.idx` that is not as it should be. */
export type IndexFaultHandler = (fault: RecordIOError) => void;

/**
 * Parses an `.idx`. Both line feeds and carriage return + line feed end a line; the last line may lack its end.
 *
 * A line that is not `digits TAB digits` (blank ones and blanks for the tab included) and a key that occurs twice are
 * errors, as they are (or silently go wrong) in MXNet. With `onFault` they are reported there instead: the bad line is
 * left out, and of two lines with one key the last counts, as in MXNet.
 *
 * @throws RecordIOError `index-syntax` or `index-duplicate-key`, with the byte offset of the line
 */
export function parseIndex(bytes: Uint8Array, options: { onFault?: IndexFaultHandler } = {}): RecordIndex {
  const { onFault } = options;
  const keys = new GrowingColumn();
  const offsets = new GrowingColumn();
  const number = { value: 0, end: 0 };
  for (let at = 0, line = 1; at < bytes.length; line++) {
    const lineStart = at;
    parseDigits(bytes, at, number);
    const key = number.value;
    let good = number.end > at && bytes[number.end] === TAB;
    if (good) {
      at = number.end + 1;
      parseDigits(bytes, at, number);
      good = number.end > at;
      at = number.end;
      if (bytes[at] === CARRIAGE_RETURN && bytes[at + 1] === LINE_FEED) {
        at++;
      }
      good &&= at === bytes.length || bytes[at] === LINE_FEED;
    }
    good &&= Number.isSafeInteger(key) && Number.isSafeInteger(number.value);
    if (!good) {
      const lineEnd = bytes.indexOf(LINE_FEED, lineStart);
      at = lineEnd === -1 ? bytes.length : lineEnd;
      report(badLine(bytes, lineStart, at, line), onFault);
    } else {
      keys.push(key);
      offsets.push(number.value);
    }
    at++;
  }
  return withoutDuplicates(
    { length: keys.length, keys: keys.toArray(), offsets: offsets.toArray() },
    onFault,
  );
}

function parseDigits(bytes: Uint8Array, start: number, result: { value: number; end: number }): void {
  let value = 0;
  let at = start;
  for (; at < bytes.length; at++) {
    const digit = bytes[at]!;
    if (digit < ZERO || digit > NINE) {
      break;
    }
    value = value * 10 + (digit - ZERO);
  }
  result.value = value;
  result.end = at;
}

function badLine(bytes: Uint8Array, start: number, end: number, line: number): RecordIOError {
  const text = new TextDecoder().decode(bytes.subarray(start, Math.min(end, start + 60)));
  return new RecordIOError(
    'index-syntax',
    `Line ${line} of the index (byte ${start}) must be "key TAB offset" in whole numbers below 2^53, found ${JSON.stringify(text)}`,
    { offset: start },
  );
}

/** Leaves out the earlier of two lines with the same key. */
function withoutDuplicates(index: RecordIndex, onFault: IndexFaultHandler | undefined): RecordIndex {
  const rows = keyLookup(index.keys);
  const { keys, offsets } = index;
  let kept = 0;
  for (let row = 0; row < index.length; row++) {
    const key = keys[row]!;
    const last = rows.row(key);
    if (last !== row) {
      report(
        new RecordIOError(
          'index-duplicate-key',
          `Key ${key} is in the index twice, for byte ${offsets[row]} and for byte ${offsets[last]}`,
          { key, offset: offsets[row] },
        ),
        onFault,
      );
      continue;
    }
    keys[kept] = key;
    offsets[kept++] = offsets[row]!;
  }
  return { length: kept, keys: keys.subarray(0, kept), offsets: offsets.subarray(0, kept) };
}

function report(fault: RecordIOError, onFault: IndexFaultHandler | undefined): void {
  if (onFault === undefined) {
    throw fault;
  }
  onFault(fault);
}

/** Finds the row of a key. */
export interface KeyLookup {
  /** The (last) row with this key, or -1. */
  row(key: number): number;
}

/** Prepares to find rows by key: a plain table when keys are dense, as they nearly always are, else a map. */
export function keyLookup(keys: ArrayLike<number>): KeyLookup {
  let largest = -1;
  for (let row = 0; row < keys.length; row++) {
    largest = Math.max(largest, keys[row]!);
  }
  if (largest < 4 * keys.length + 1024) {
    const rows = new Int32Array(largest + 1).fill(-1);
    for (let row = 0; row < keys.length; row++) {
      rows[keys[row]!] = row;
    }
    return { row: (key) => rows[key] ?? -1 };
  }
  const rows = new Map<number, number>();
  for (let row = 0; row < keys.length; row++) {
    rows.set(keys[row]!, row);
  }
  return { row: (key) => rows.get(key) ?? -1 };
}

/** Rows in ascending order of a column; rows with the same value stay in their order. */
export function sortedRows(column: Float64Array): Int32Array {
  const rows = Int32Array.from({ length: column.length }, (_, row) => row);
  if (!column.every((value, row) => row === 0 || value >= column[row - 1]!)) {
    rows.sort((a, b) => column[a]! - column[b]! || a - b);
  }
  return rows;
}

/** Place of a value in an ascending column, or -1. */
export function findInSorted(column: Float64Array, value: number): number {
  let low = 0;
  let high = column.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (column[middle]! < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return column[low] === value ? low : -1;
}

/** Writes an `.idx`, byte for byte as MXNet does. */
export function serializeIndex(index: Pick<RecordIndex, 'keys' | 'offsets'>): Uint8Array {
  const lines: string[] = [];
  for (let row = 0; row < index.keys.length; row++) {
    lines.push(`${index.keys[row]}\t${index.offsets[row]}\n`);
  }
  return new TextEncoder().encode(lines.join(''));
}
