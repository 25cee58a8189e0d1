/**
 * Several ranks that train one model together, each with its share of the images and its share of the identities: threads of
 * one process, or processes on many machines. The collective operations are those of MPI. They block, as MPI's do, because they
 * are called in the middle of a gradient, where nothing can be awaited.
 */

/** Numbers that ranks can exchange. */
export type Exchangeable = Float32Array | Int32Array;

/** A reduction that is under way. Its values are not to be touched until it is done. */
export interface PendingReduction {
  /** Whether it is done. Asking also gets it on. */
  isDone(): boolean;
  /** Returns when it is done. */
  wait(): void;
}

/**
 * What a rank knows of the others. All ranks call the same operations in the same order; each call returns when every rank has
 * made it. A filling throws rather than waits for ever when another rank has failed.
 */
export interface Communicator {
  /** 0..size-1. */
  readonly rank: number;
  readonly size: number;
  /**
   * Element by element over all ranks, in place. Every rank ends with the same bits, so that replicas stay equal. `values` has
   * the same length on every rank.
   */
  allReduce(values: Exchangeable, operation: 'sum' | 'max'): void;
  /** The same, begun only: other work can be done meanwhile. Left out by a filling that cannot. */
  startAllReduce?(values: Exchangeable, operation: 'sum' | 'max'): PendingReduction;
  /** The values of every rank, in the order of ranks. Lengths may differ from rank to rank. */
  allGather<T extends Exchangeable>(values: T): readonly T[];
  /** Overwrites `values` with those of the rank `root`. `values` has the same length on every rank. */
  broadcast(values: Exchangeable, root: number): void;
  /** Returns when every rank has called it. */
  barrier(): void;
}

/** The communicator of a program that is on its own: one rank in this process, for which every operation is done. */
export const singleRank: Communicator = {
  rank: 0,
  size: 1,
  allReduce() {},
  allGather: (values) => [values],
  broadcast() {},
  barrier() {},
};
