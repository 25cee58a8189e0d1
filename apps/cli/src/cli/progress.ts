/**
 * How far something is: a bar with rate and remaining time on a terminal, a plain line now and then elsewhere (logs, CI).
 */
import { Presets, SingleBar } from 'cli-progress';

/** Seconds between two plain lines. */
const LINE_INTERVAL = 10;

export interface ProgressOptions {
  readonly total: number;
  /** What is counted, in the plural. */
  readonly unit: string;
  /** How many were done before, by a process that was ended: no part of the rate. Default 0. */
  readonly before?: number;
}

export class Progress {
  readonly #title: string;
  readonly #options: ProgressOptions;
  readonly #stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly #bar: SingleBar | undefined;
  readonly #begun = performance.now();
  #lastLine = performance.now();
  #done: number;
  #note = '';

  constructor(
    title: string,
    options: ProgressOptions,
    stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
  ) {
    this.#title = title;
    this.#options = options;
    this.#stream = stream;
    this.#done = options.before ?? 0;
    if (stream.isTTY) {
      const format = `${title} {bar} {value}/{total} ${options.unit} | {rate}/s | ETA {eta_formatted} {note}`;
      this.#bar = new SingleBar({ format, stream, hideCursor: true }, Presets.shades_classic);
      this.#bar.start(options.total, this.#done, { rate: '-', note: '' });
    }
  }

  /** @param done how many are done; @param details a rate measured better than here, and a short note behind it */
  update(done: number, details: { readonly rate?: number; readonly note?: string } = {}): void {
    this.#done = done;
    this.#note = details.note ?? this.#note;
    const rate = details.rate ?? this.#rate();
    this.#bar?.update(done, { rate: round(rate), note: this.#note });
    const now = performance.now();
    if (this.#bar !== undefined || now - this.#lastLine < LINE_INTERVAL * 1000) return;
    this.#lastLine = now;
    const left = duration((this.#options.total - done) / rate);
    this.#line(`${done}/${this.#options.total} ${this.#options.unit}, ${round(rate)}/s, ${left} left`);
  }

  /** Whether there is a bar that has not ended. */
  get isRunning(): boolean {
    return this.#bar?.isActive ?? false;
  }

  /** Ends the bar where it is, and says nothing. */
  abandon(): void {
    this.#bar?.stop();
  }

  /** Ends the bar; says in one line how it went. */
  stop(): void {
    this.#bar?.stop();
    if (this.#bar !== undefined) return;
    const seconds = (performance.now() - this.#begun) / 1000;
    this.#line(
      `${this.#done - (this.#options.before ?? 0)} ${this.#options.unit} in ${duration(seconds)}, ${round(this.#rate())}/s`,
    );
  }

  #rate(): number {
    return (
      (this.#done - (this.#options.before ?? 0)) / Math.max(1e-9, (performance.now() - this.#begun) / 1000)
    );
  }

  #line(text: string): void {
    this.#stream.write(`${this.#title}: ${text}${this.#note === '' ? '' : `, ${this.#note}`}\n`);
  }
}

/** Three digits, without powers of ten: of bytes there are many in a second. */
function round(rate: number): string {
  return Number.isFinite(rate) ? String(Number(rate.toPrecision(3))) : '-';
}

/** `1 h 02 min`, `3 min 20 s`, `12 s`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'an unknown time';
  const whole = Math.round(seconds);
  const [h, min, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  if (h > 0) return `${h} h ${two(min)} min`;
  return min > 0 ? `${min} min ${two(s)} s` : `${s} s`;
}
