// A kernel with a way to draw calls of it.

import type * as tf from '@tensorflow/tfjs-core';
import type { Draws, Given } from '../draws.ts';

export interface Call {
  readonly inputs: Readonly<Record<string, Given>> | readonly Given[];
  readonly attributes?: object;
}

export interface RandomCall {
  readonly kernel: string;
  draw(draws: Draws): Call;
  /** How far an element may be off, of its own size; default 1e-5. */
  readonly relative?: number;
  /** How far it may be off besides, of the largest of the results; default 1e-6. */
  readonly ofLargest?: number;
  /** What the kernel should give, where tfjs's plain CPU backend does not have it. */
  reference?(inputs: readonly tf.Tensor[], call: Call): tf.Tensor;
}
