// Whether a graph keeps running with the same parameters, as an inference does. Parameters are what the program has
// in variables; in a training they are other tensors after every step.

import type { NativeTensor } from '../runtime/native-binding.ts';
import type { Schedule } from './schedule.ts';

/** Places of the leaves that are variables' values. */
export function parametersOf({ leaves }: Schedule): number[] {
  return [...leaves.keys()].filter((place) => leaves[place]!.isParameter);
}

/** Whether gradients are computed, which use parameters in more ways than are worth holding in memory. */
export function hasBackwardPass({ nodes }: Schedule): boolean {
  return nodes.some(({ op }) => op.isOfBackwardPass === true);
}

export class SteadyParameters {
  #before: readonly WeakRef<NativeTensor>[] = [];
  #runs = 0;

  /** Counts a run, and returns how many in a row had the same parameters, this one among them. */
  count(parameters: readonly NativeTensor[]): number {
    const isSame =
      parameters.length === this.#before.length &&
      parameters.every((tensor, i) => tensor === this.#before[i]!.deref());
    this.#runs = isSame ? this.#runs + 1 : 1;
    if (!isSame) this.#before = parameters.map((tensor) => new WeakRef(tensor));
    return this.#runs;
  }
}
