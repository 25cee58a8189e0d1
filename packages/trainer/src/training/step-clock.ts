/** How fast a run goes: over the last steps for the display, over all of them for the result. */

/** Steps whose mean the display shows. */
const WINDOW = 20;

export class StepClock {
  readonly #batchSize: number;
  readonly #recent: number[] = [];
  #steps = 0;
  #seconds = 0;

  constructor(batchSize: number) {
    this.#batchSize = batchSize;
  }

  /** Counts a step of so many seconds. The first one is left out of the total: it may compile. */
  add(seconds: number): void {
    if (this.#steps > 0) this.#seconds += seconds;
    this.#steps++;
    // The first step would drag the display down for a whole window.
    if (this.#steps === 2) this.#recent.length = 0;
    this.#recent.push(seconds);
    if (this.#recent.length > WINDOW) this.#recent.shift();
  }

  /** Over the last steps. */
  get recentImagesPerSecond(): number {
    return (this.#recent.length * this.#batchSize) / this.#recent.reduce((sum, seconds) => sum + seconds, 0);
  }

  /** Over all steps but the first; NaN if there are none. */
  get imagesPerSecond(): number {
    return this.#steps < 2 ? Number.NaN : ((this.#steps - 1) * this.#batchSize) / this.#seconds;
  }
}
