/**
 * The `.lst` file of MXNet's im2rec: one line `index TAB label ... TAB path` an image.
 */
import { RecordIOError } from './errors.ts';

/** One line of a `.lst`. */
export interface ImageListEntry {
  /** The key that the image's record gets. */
  readonly index: number;
  /** One label at least. */
  readonly labels: readonly number[];
  /** Path of the image relative to the list's root, as written. */
  readonly path: string;
}

const encoder = new TextEncoder();

/**
 * Parses a `.lst` (UTF-8). Blank lines are skipped.
 *
 * @throws RecordIOError `list-syntax` with the byte offset of the line
 */
export function parseImageList(bytes: Uint8Array): ImageListEntry[] {
  const decoder = new TextDecoder();
  const entries: ImageListEntry[] = [];
  for (let start = 0, line = 1; start < bytes.length; line++) {
    const feed = bytes.indexOf(10, start);
    const end = feed === -1 ? bytes.length : feed;
    const text = decoder.decode(bytes.subarray(start, end)).replace(/\r$/, '');
    if (text.trim() !== '') {
      entries.push(parseLine(text, line, start));
    }
    start = end + 1;
  }
  return entries;
}

function parseLine(text: string, line: number, offset: number): ImageListEntry {
  const fields = text.split('\t');
  const path = fields.at(-1)!;
  const labels = fields.slice(1, -1).map(parseNumber);
  const index = parseNumber(fields[0]!);
  if (
    fields.length < 3 ||
    path === '' ||
    path.includes('\0') ||
    !Number.isSafeInteger(index) ||
    index < 0 ||
    !labels.every(Number.isFinite)
  ) {
    throw new RecordIOError(
      'list-syntax',
      `Line ${line} of the list (byte ${offset}) must be "index TAB label ... TAB path", found ${JSON.stringify(text.slice(0, 100))}`,
      { offset },
    );
  }
  return { index, labels, path };
}

/** A decimal number, as Python's `float` takes it; `Number` alone would also take hexadecimal and blank ones. */
function parseNumber(text: string): number {
  return /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN;
}

/** Writes a `.lst`, byte for byte as im2rec does: labels with six decimals. */
export function serializeImageList(entries: Iterable<ImageListEntry>): Uint8Array {
  let text = '';
  for (const { index, labels, path } of entries) {
    if (/[\t\n\r]/.test(path)) {
      throw new RecordIOError(
        'list-syntax',
        `A path in a list cannot have a tab or line break: ${JSON.stringify(path)}`,
        {
          path,
        },
      );
    }
    text += `${index}\t${labels.map((label) => label.toFixed(6)).join('\t')}\t${path}\n`;
  }
  return encoder.encode(text);
}
