/**
 * The backward pass in stages. A gradient of tfjs gives its results when it has ended; ranks that add their gradients up could have
 * begun with those of the last layers long before. So the network is cut where only one value passes, and as soon as a stage's
 * gradients are complete, they are told, while those of the stages before it are still to be computed.
 *
 * What is computed stays the same. Every parameter goes through an identity, whose gradient is noted on its way, and every stage
 * begins with one, whose gradient comes after all of the stage's: the tape is walked from its end to its beginning.
 */
import * as tf from '@tensorflow/tfjs-core';
import { holdGradient } from 'tfjs-training-kernels';
import type { Executor } from './executor.ts';
import type { Segment } from './segments.ts';

export interface BackwardStages {
  /** Most stages; there are fewer where a network cannot be cut so often. */
  readonly count: number;
  /**
   * Gets the gradients of a stage by the names of the parameters, the last stage first. It is called inside the gradient and may read
   * them, which makes a lazy backend compute this stage before the next; they are disposed of after the gradient.
   *
   * Some are told nobody here, and are found in the gradient's result only: those of the first stage, which end the backward
   * pass, those of parameters that several stages share, and all of a stage before which nothing is trained.
   */
  onGradients(gradients: ReadonlyMap<string, tf.Tensor>): void;
}

/** @param executors compute the stages, one each. Their context must have `stages`. */
export function inStages(stages: readonly Segment[], executors: readonly Executor[]): Executor {
  const owned = parametersOfOne(stages);
  return (images, context) =>
    executors.reduce((value, execute, i) => {
      if (i === 0) return execute(value, context);
      const gradients = new Map<string, tf.Tensor>();
      const input = withGradient(value, () => context.stages!.onGradients(gradients));
      const tapped = new Map(
        owned[i]!.filter((name) => context.variable(name).trainable).map((name) => [
          name,
          withGradient(context.parameter(name), (gradient) => gradients.set(name, gradient)),
        ]),
      );
      return execute(input, {
        ...context,
        parameter: (name) => tapped.get(name) ?? context.parameter(name),
      });
    }, images);
}

/** For each stage, the parameters that no other has. */
function parametersOfOne(stages: readonly Segment[]): string[][] {
  const ofStages = stages.map(({ steps }) => [...new Set(steps.flatMap(({ parameters }) => parameters))]);
  const uses = new Map<string, number>();
  for (const name of ofStages.flat()) uses.set(name, (uses.get(name) ?? 0) + 1);
  return ofStages.map((names) => names.filter((name) => uses.get(name) === 1));
}

/** The same value; `passed` is called when its gradient is complete. */
function withGradient(value: tf.Tensor, passed: (gradient: tf.Tensor) => void): tf.Tensor {
  const identity = tf.customGrad((...args) => ({
    value: tf.clone(args[0] as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => {
      holdGradient(dy);
      passed(dy);
      return dy;
    },
  }));
  return identity(value);
}
