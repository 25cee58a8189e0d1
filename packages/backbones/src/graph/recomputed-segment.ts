/**
 * Gradient checkpointing: a segment of a network that keeps nothing but its input for the backward pass, and computes the
 * rest again when its gradient is asked for. Training then needs the memory of the values between segments and of one
 * segment, and one more forward pass. (Chen et al., _Training Deep Nets with Sublinear Memory Cost_, 2016; the reference's
 * `memonger`.)
 *
 * The second pass is the first one over again: the same batch statistics, the same values dropped (their seed is the
 * call's), but running averages, which have moved already, stay.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { ExecutionContext, Executor } from './executor.ts';
import type { Segment } from './segments.ts';

/** @param execute computes the segment */
export function recomputed({ steps }: Segment, execute: Executor): Executor {
  const names = [...new Set(steps.flatMap(({ parameters }) => parameters))];
  return (input, context) => {
    const trained = names.filter((name) => context.variable(name).trainable);
    const operation = tf.customGrad((...args) => {
      const x = args[0] as tf.Tensor;
      const save = args.at(-1) as unknown as (tensors: tf.Tensor[]) => void;
      save([x, ...(args.slice(1, -1) as tf.Tensor[])]);
      return {
        value: tf.tidy(() => execute(x, context)),
        gradFunc: (dy: tf.Tensor, [saved, ...parameters]: tf.Tensor[]) =>
          withTapeOfItsOwn(() => {
            const byName = new Map(trained.map((name, i) => [name, parameters[i]!]));
            const again: ExecutionContext = {
              ...context,
              updateAverages: false,
              parameter: (name) => byName.get(name) ?? context.variable(name),
            };
            return tf.grads((value: tf.Tensor) => execute(value, again))(
              [after(saved!, dy), ...parameters],
              dy,
            );
          }),
      };
    });
    return operation(input, ...trained.map(context.parameter));
  };
}

/**
 * The value, but not before the gradient is there. A backend that collects a whole training step and orders it by itself
 * could otherwise compute a segment's second pass as early as it likes, or see that it is the same as the first and keep
 * that: either would undo what this is for.
 */
function after(value: tf.Tensor, gradient: tf.Tensor): tf.Tensor {
  const first = tf.slice(tf.reshape(gradient, [-1]), [0], [1]);
  // True whatever the number, which only a computation can find out.
  const isThere = tf.logicalOr(tf.isNaN(first), tf.logicalNot(tf.isNaN(first)));
  return tf.where(isThere, value, tf.zeros([1]));
}

/** tfjs throws its tape away at the end of a gradient, even of one that is taken within another's backward pass. */
function withTapeOfItsOwn<T>(gradient: () => T): T {
  const { state } = tf.engine();
  const { activeTape } = state;
  try {
    return gradient();
  } finally {
    state.activeTape = activeTape;
  }
}
