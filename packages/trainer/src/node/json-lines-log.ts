/**
 * A log of JSON lines: one object a line, appended, never rewritten, so that it can be read while it grows and survives
 * a crash up to its last line.
 */
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LogFailure } from './log-failure.ts';

/** Appends JSON lines to a file. Lines are written in the order of the calls. */
export class JsonLinesLog {
  readonly path: string;
  readonly #failure: LogFailure;
  #pending: string[] = [];
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param options.onFailure told of the first write that fails, as soon as it has. What could not be written is lost; what comes later is
   *   tried again
   */
  constructor(path: string, options: { readonly onFailure?: ((error: Error) => void) | undefined } = {}) {
    this.path = path;
    this.#failure = new LogFailure(path, options.onFailure);
  }

  /** Queues a line; it is written in the background together with others that are waiting. */
  append(entry: object): void {
    this.#pending.push(`${JSON.stringify(entry)}\n`);
    if (this.#pending.length === 1) this.#writing = this.#writing.then(() => this.#write());
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

  async #write(): Promise<void> {
    const lines = this.#pending;
    this.#pending = [];
    try {
      await mkdir(dirname(this.path), { recursive: true });
      const file = await open(this.path, 'a+');
      try {
        const text = lines.join('');
        await file.appendFile((await endsMidLine(file)) ? `\n${text}` : text);
      } finally {
        await file.close();
      }
    } catch (error) {
      this.#failure.note(error);
    }
  }
}

/** A process that was killed while writing leaves half a line; what follows must not be glued to it. */
async function endsMidLine(file: Awaited<ReturnType<typeof open>>): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(new Uint8Array(1), 0, 1, size - 1);
  return buffer[0] !== 0x0a;
}

/** The entries of a log; a line that is not complete JSON (cut off by a crash) is left out. */
export async function readJsonLines(path: string): Promise<unknown[]> {
  const text = await readFile(path, 'utf8');
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as unknown];
    } catch {
      return [];
    }
  });
}
