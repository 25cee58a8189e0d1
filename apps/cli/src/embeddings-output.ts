/**
 * The files of `arcface embed` while they grow: rows are appended as they are known, so that neither memory nor a stop
 * limits how many there can be. Beside the output stand `OUTPUT.partial` with the rows so far, `ROWS.partial` with their
 * lines, and `OUTPUT.partial.json` that says how far both are good and what they belong to. At the end they get their
 * names; until then there is no output.
 */
import { existsSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { writeAtomically } from './atomic-file.ts';
import { CommandError } from './cli/usage-error.ts';

/** What two runs must have in common for the second to go on with the first. */
export type EmbeddingsIdentity = Readonly<Record<string, string | number | boolean>>;

export interface EmbeddingsOutputOptions {
  readonly output: string;
  /** The file of the lines, one a row. */
  readonly lines: string;
  /** All that comes before the rows. */
  readonly header: Uint8Array;
  readonly identity: EmbeddingsIdentity;
  readonly resume: boolean;
}

interface OpenFiles {
  readonly output: FileHandle;
  readonly lines: FileHandle;
}

interface State {
  readonly identity: EmbeddingsIdentity;
  readonly images: number;
  readonly failed: number;
  /** Bytes that are good. */
  readonly outputBytes: number;
  readonly lineBytes: number;
}

const PARTIAL = '.partial';

/** Whether an earlier run left something to go on with. */
export function hasPartial(output: string): boolean {
  return existsSync(`${output}${PARTIAL}.json`);
}

export class EmbeddingsOutput {
  readonly #options: EmbeddingsOutputOptions;
  readonly #files: OpenFiles;
  #state: State;

  /**
   * Begins, or goes on where the last run stopped.
   *
   * @throws {CommandError} when the last run was another: other data, another model, other options
   */
  static async open(options: EmbeddingsOutputOptions): Promise<EmbeddingsOutput> {
    const { output, lines, header, identity, resume } = options;
    const paths = { output: output + PARTIAL, lines: lines + PARTIAL };
    const before = resume && hasPartial(output) ? await readState(output, identity) : undefined;
    if (before === undefined) {
      const files = await openBoth(paths, 'w');
      try {
        await files.output.writeFile(header);
      } catch (error) {
        await closeBoth(files);
        throw error;
      }
      const state = { identity, images: 0, failed: 0, outputBytes: header.length, lineBytes: 0 };
      return new EmbeddingsOutput(options, files, state);
    }
    await cutBack(paths.output, before.outputBytes);
    await cutBack(paths.lines, before.lineBytes);
    const files = await openBoth(paths, 'a');
    return new EmbeddingsOutput(options, files, before);
  }

  private constructor(options: EmbeddingsOutputOptions, files: OpenFiles, state: State) {
    this.#options = options;
    this.#files = files;
    this.#state = state;
  }

  /** Rows that are written. */
  get images(): number {
    return this.#state.images;
  }

  /** Rows of images that could not be decoded. */
  get failed(): number {
    return this.#state.failed;
  }

  /** Appends rows and their lines. When this is done, a stop loses none of them. */
  async append(rows: Float32Array, lines: readonly object[], failed: number): Promise<void> {
    const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
    const text = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    // Not `write`, which may write less than it is given.
    await this.#files.output.writeFile(bytes);
    await this.#files.lines.writeFile(text);
    await this.#files.output.sync();
    await this.#files.lines.sync();
    const { identity, images, outputBytes, lineBytes } = this.#state;
    this.#state = {
      identity,
      images: images + lines.length,
      failed: this.#state.failed + failed,
      outputBytes: outputBytes + bytes.length,
      lineBytes: lineBytes + text.length,
    };
    await writeAtomically(`${this.#options.output}${PARTIAL}.json`, [JSON.stringify(this.#state)]);
  }

  /** Gives the files their names. */
  async finish(): Promise<void> {
    const { output, lines } = this.#options;
    await this.close();
    await rename(lines + PARTIAL, lines);
    await rename(output + PARTIAL, output);
    await rm(`${output}${PARTIAL}.json`, { force: true });
  }

  /** Leaves the files as they are. */
  async close(): Promise<void> {
    await closeBoth(this.#files);
  }

  /** Leaves nothing. */
  async discard(): Promise<void> {
    await this.close();
    await discardPartial(this.#options.output, this.#options.lines);
  }
}

async function openBoth(
  paths: { readonly output: string; readonly lines: string },
  flags: 'w' | 'a',
): Promise<OpenFiles> {
  const output = await open(paths.output, flags);
  try {
    return { output, lines: await open(paths.lines, flags) };
  } catch (error) {
    await output.close();
    throw error;
  }
}

async function closeBoth({ output, lines }: OpenFiles): Promise<void> {
  await output.close();
  await lines.close();
}

/** Removes what an earlier run left. */
export async function discardPartial(output: string, lines: string): Promise<void> {
  for (const path of [`${output}${PARTIAL}.json`, output + PARTIAL, lines + PARTIAL]) {
    await rm(path, { force: true });
  }
}

/** What came after the last state may be half a row. A file that ends before it would be filled up with zeros. */
async function cutBack(path: string, bytes: number): Promise<void> {
  const there = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (there < bytes) {
    throw new CommandError(
      `${path} has ${there} bytes, but ${bytes} were written. Give --overwrite to begin again.`,
    );
  }
  await truncate(path, bytes);
}

async function readState(output: string, identity: EmbeddingsIdentity): Promise<State> {
  const path = `${output}${PARTIAL}.json`;
  const again = 'Give --overwrite to begin again.';
  let state: State;
  try {
    state = JSON.parse(await readFile(path, 'utf8')) as State;
  } catch (error) {
    throw new CommandError(`${path} cannot be read: ${(error as Error).message}. ${again}`);
  }
  for (const [key, value] of Object.entries(identity)) {
    const before = state.identity?.[key];
    if (before !== value) {
      throw new CommandError(
        `${output} cannot be resumed: its ${key} was ${before ?? 'not said'}, now it is ${value}. ${again}`,
      );
    }
  }
  return state;
}
