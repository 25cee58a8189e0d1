/** The five points of each photo, as a detector of the user's found them: JSON lines, checked row by row. */
import type { FivePoints } from '@arcface/alignment';
import { CommandError } from '../cli/usage-error.ts';
import { textLines } from '../text-lines.ts';

const EXPECTED = 'expected {"key": "anna/001.jpg", "landmarks": [[x, y], [x, y], [x, y], [x, y], [x, y]]}';

/** The rows of a file by key: the path of a photo relative to the folder, or a record's key. */
export class Landmarks {
  readonly #rows: ReadonlyMap<string, FivePoints>;
  /** Keys as they are written, by their plain forms. */
  readonly #written: ReadonlyMap<string, string>;

  constructor(rows: ReadonlyMap<string, FivePoints>) {
    this.#rows = rows;
    this.#written = new Map([...rows.keys()].map((key) => [plain(key), key]));
  }

  get size(): number {
    return this.#rows.size;
  }

  /** A key as an example. */
  get first(): string | undefined {
    return this.#rows.keys().next().value;
  }

  /** The row of a photo: that of its very key, or else of one that says the same in another way. */
  find(key: string): { readonly key: string; readonly points: FivePoints } | undefined {
    const written = this.#rows.has(key) ? key : this.#written.get(plain(key));
    return written === undefined ? undefined : { key: written, points: this.#rows.get(written)! };
  }
}

/** Programs on Windows write backslashes, and file systems of macOS take letters and their accents apart. */
function plain(key: string): string {
  return key.replaceAll('\\', '/').normalize('NFC');
}

/**
 * @throws {CommandError} naming the line: not JSON, no key, not five points, or a second face for one photo
 */
export async function readLandmarks(path: string): Promise<Landmarks> {
  const found = new Map<string, FivePoints>();
  let line = 0;
  try {
    for await (const text of textLines(path)) {
      line += 1;
      if (text.trim() === '') continue;
      const { key, landmarks } = parseRow(text, `${path}, line ${line}`);
      if (found.has(key)) {
        throw new CommandError(
          `${path}, line ${line}: ${key} has landmarks already. A photo of several people needs a choice: keep the row of the one who it is filed under.`,
        );
      }
      found.set(key, landmarks);
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`${path} cannot be read: ${(error as Error).message}`);
  }
  if (found.size === 0) throw new CommandError(`${path} has no row; ${EXPECTED} on each line.`);
  return new Landmarks(found);
}

function parseRow(text: string, place: string): { key: string; landmarks: FivePoints } {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch (error) {
    throw new CommandError(`${place}: not JSON (${(error as Error).message}); ${EXPECTED}.`);
  }
  const { key, landmarks } = (row ?? {}) as { key?: unknown; landmarks?: unknown };
  if (typeof key !== 'string' && typeof key !== 'number')
    throw new CommandError(`${place}: there is no key; ${EXPECTED}.`);
  if (!isFivePoints(landmarks))
    throw new CommandError(`${place}: landmarks are not five points; ${EXPECTED}.`);
  return { key: String(key), landmarks };
}

function isFivePoints(value: unknown): value is FivePoints {
  return (
    Array.isArray(value) &&
    value.length === 5 &&
    value.every((point) => Array.isArray(point) && point.length === 2 && point.every(Number.isFinite))
  );
}
