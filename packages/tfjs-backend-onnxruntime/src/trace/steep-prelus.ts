// A PReLU whose slopes are all 1 or less has a cheaper graph than one whose slopes are not (lowering/per-channel-prelu.ts). Slopes that
// hover about 1 would go from one graph to the other and back, each of several such PReLUs by itself, and compile in every step. So
// a PReLU that was steep once is taken for one that may be from then on: that graph is right for all slopes. PReLUs have no names; one
// is known by its place among those of a run, which is the same in every step of a loop. Where it is not, a graph is slower than
// it could be, and no more.

import type { TraceValue } from './trace-graph.ts';

export class SteepPrelus {
  #place = 0;
  readonly #steep = new Set<number>();

  /** Whether the slopes of the PReLU that is traced now are known to be 1 or less, and it has never been steep. */
  areConvex({ tensor }: TraceValue): boolean {
    const place = this.#place++;
    if (tensor === null || this.#steep.has(place)) return false;
    for (const slope of tensor.data) {
      if (slope <= 1) continue;
      this.#steep.add(place);
      return false;
    }
    return true;
  }

  /** What is traced next belongs to another run. */
  nextRun(): void {
    this.#place = 0;
  }
}
