/**
 * What a command says. Results go to stdout (one JSON object with `--json`, lines for people without); everything else,
 * progress included, goes to stderr, so that results can be piped.
 */
import { printable } from './printable.ts';
import { Progress, type ProgressOptions } from './progress.ts';

export class Console {
  readonly json: boolean;
  #resultPrinted = false;
  #shown: Progress[] = [];

  constructor(options: { readonly json: boolean }) {
    this.json = options.json;
  }

  /** A line of news for whoever watches. */
  log(line: string): void {
    process.stderr.write(`${printable(line)}\n`);
  }

  /** Something that is not as it should be, and how the command goes on nevertheless. */
  warn(line: string): void {
    this.log(`warning: ${line}`);
  }

  /** Begins to show how far something is. */
  progress(title: string, options: ProgressOptions): Progress {
    const progress = new Progress(title, options, process.stderr);
    this.#shown = [...this.#shown.filter(({ isRunning }) => isRunning), progress];
    return progress;
  }

  /** When the command has ended, however it did: a bar that goes on would keep the process alive, and the cursor hidden. */
  close(): void {
    for (const progress of this.#shown) progress.abandon();
  }

  /** The command's result: the object with `--json`, otherwise the lines. Once a command. */
  result(value: object, lines: readonly string[]): void {
    if (this.#resultPrinted) throw new Error('A command has one result.');
    this.#resultPrinted = true;
    process.stdout.write(this.json ? `${JSON.stringify(value)}\n` : `${printable(lines.join('\n'))}\n`);
  }
}
