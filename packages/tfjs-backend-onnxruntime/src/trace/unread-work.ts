// What was traced and never read. A program that reads its results decides by that when they are computed. One that does not (a
// training loop that looks at no loss, an epoch that adds its losses up and reads the sum in the end) would trace one
// graph of all its steps, and hold all its batches until then. So without a read, too, everything is computed when much has gathered:
//
// - where the forward pass of a gradient begins, once there is a part of the limit: that is between two steps, so that each piece
//   is of whole steps, and the same graph as the one before;
// - wherever it is, at the limit itself;
// - when so many bytes were written, which the pending operations may hold.

import { engine } from '@tensorflow/tfjs-core';
import { tracedNodes } from './trace-graph.ts';

/** Of the nodes allowed, the part that is enough between two steps: a graph of so many compiles in a fraction of a second. */
const partOfSteps = 1 / 40;

export class UnreadWork {
  #nodesBefore = tracedNodes();
  #bytes = 0;
  /** Whether the kernel before was called in a forward pass; null where that was not asked. */
  #wasInForward: boolean | null = null;

  /** Everything was computed. */
  reset(): void {
    this.#nodesBefore = tracedNodes();
    this.#bytes = 0;
    this.#wasInForward = null;
  }

  /** Whether it is time to compute, seen from a kernel that is called now. */
  isDueAtKernel(nodesAllowed: number): boolean {
    const nodes = tracedNodes() - this.#nodesBefore;
    if (nodes <= nodesAllowed * partOfSteps) return false;
    const isInForward = engine().state.gradientDepth > 0;
    const begins = this.#wasInForward === false && isInForward;
    this.#wasInForward = isInForward;
    return (begins && !isInBackward()) || nodes > nodesAllowed;
  }

  /** Whether it is time to compute, now that so many bytes are written. */
  isDueAtWrite(bytes: number, bytesAllowed: number): boolean {
    this.#bytes += bytes;
    return this.#bytes > bytesAllowed;
  }
}

/** Whether a gradient is computed within another's rule, which is in the middle of a step (gradient checkpointing does that). */
function isInBackward(): boolean {
  // The name that tfjs gives the scope of a backward pass.
  return engine().state.scopeStack.some(({ name }) => name === 'backward');
}
