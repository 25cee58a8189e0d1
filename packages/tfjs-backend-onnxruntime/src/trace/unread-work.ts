// What was traced and never read. A program that reads its results decides by that when they are computed. One that does not (a
// training loop that looks at no loss, an epoch that adds its losses up and reads the sum in the end, a dataset that goes through a
// network batch by batch) would trace one graph of all its steps, another for each number of steps, and hold all its batches until
// then. So without a read, too, everything is computed when much has gathered:
//
// - where the forward pass of a gradient begins, once there is a part of the limit: that is between two steps, so that each piece
//   is of whole steps, and the same graph as the one before;
// - likewise where a batch comes in of the size of one before, if there were no gradients, and hardly anything that was traced is still
//   held: an inference has left its activations behind;
// - wherever it is, at the limit itself;
// - when so many bytes were written, which the pending operations may hold.

import { engine } from '@tensorflow/tfjs-core';
import { tracedNodes } from './trace-graph.ts';

/** Of the nodes allowed, the part that is enough between two steps: a graph of so many compiles in a fraction of a second. */
const partOfSteps = 1 / 40;
/** What is smaller is a number that a program works with, not a batch. */
const leastBatchBytes = 1024;
/** Behind an inference there are as many nodes to each tensor that is still held, or more. */
const nodesPerHeld = 4;

export class UnreadWork {
  #nodesBefore = tracedNodes();
  #bytes = 0;
  /** Bytes of the batches that have come in. */
  readonly #batches = new Set<number>();
  #hasGradients = false;
  /** Whether the kernel before was called in a forward pass; null where that was not asked. */
  #wasInForward: boolean | null = null;

  /** Everything was computed. */
  reset(): void {
    this.#nodesBefore = tracedNodes();
    this.#bytes = 0;
    this.#batches.clear();
    this.#hasGradients = false;
    this.#wasInForward = null;
  }

  /** Whether it is time to compute, seen from a kernel that is called now. */
  isDueAtKernel(nodesAllowed: number): boolean {
    const nodes = this.#nodes;
    const isInForward = engine().state.gradientDepth > 0;
    this.#hasGradients ||= isInForward;
    if (nodes <= nodesAllowed * partOfSteps) return false;
    const begins = this.#wasInForward === false && isInForward;
    this.#wasInForward = isInForward;
    return (begins && !isInBackward()) || nodes > nodesAllowed;
  }

  /** Whether it is time to compute, seen from a batch of so many bytes that is about to come in, while so many pending tensors are held. */
  isDueAtBatch(bytes: number, held: number, nodesAllowed: number): boolean {
    const nodes = this.#nodes;
    if (this.#hasGradients || !this.#batches.has(bytes)) return false;
    if (nodes <= nodesAllowed * partOfSteps || nodes < nodesPerHeld * held) return false;
    return engine().state.gradientDepth === 0 && !isInBackward();
  }

  /** A batch of so many bytes has come in. */
  batchCame(bytes: number): void {
    if (bytes >= leastBatchBytes) this.#batches.add(bytes);
  }

  /** Whether it is time to compute, now that so many bytes are written. */
  isDueAtWrite(bytes: number, bytesAllowed: number): boolean {
    this.#bytes += bytes;
    return this.#bytes > bytesAllowed;
  }

  get #nodes(): number {
    return tracedNodes() - this.#nodesBefore;
  }
}

/** Whether a gradient is computed within another's rule, which is in the middle of a step (gradient checkpointing does that). */
function isInBackward(): boolean {
  // The name that tfjs gives the scope of a backward pass.
  return engine().state.scopeStack.some(({ name }) => name === 'backward');
}
