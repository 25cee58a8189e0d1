/** What becomes of a write that fails in the background: the first is told at once, and again by whoever waits for the log. */
import { messageOf, TrainingError } from '../training-error.ts';

export class LogFailure {
  readonly #path: string;
  readonly #onFailure: ((error: Error) => void) | undefined;
  #first: TrainingError | undefined;

  constructor(path: string, onFailure: ((error: Error) => void) | undefined) {
    this.#path = path;
    this.#onFailure = onFailure;
  }

  get happened(): boolean {
    return this.#first !== undefined;
  }

  note(error: unknown): void {
    if (this.#first) return;
    this.#first = new TrainingError(
      'not-written',
      `${this.#path} could not be written (${messageOf(error)}).`,
      {
        cause: error,
      },
    );
    this.#onFailure?.(this.#first);
  }

  /** @throws {TrainingError} `not-written` if there was one */
  rethrow(): void {
    if (this.#first) throw this.#first;
  }
}
