/**
 * A log of JSON lines: one object a line, appended, never rewritten, so that it can be read while it grows and survives
 * a crash up to its last line.
 */
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Appends JSON lines to a file. Lines are written in the order of the calls. */
export class JsonLinesLog {
  readonly path: string;
  #pending: string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Queues a line; it is written in the background together with others that are waiting. */
  append(entry: object): void {
    this.#pending.push(`${JSON.stringify(entry)}\n`);
    if (this.#pending.length === 1) this.#writing = this.#writing.then(() => this.#write());
  }

  /**
   * Waits until everything that was appended has been handed to the operating system.
   *
   * @throws what went wrong in any write so far, such as a full disk
   */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#failure) throw this.#failure.error;
  }

  async #write(): Promise<void> {
    const lines = this.#pending;
    this.#pending = [];
    if (this.#failure) return;
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
      this.#failure = { error };
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
