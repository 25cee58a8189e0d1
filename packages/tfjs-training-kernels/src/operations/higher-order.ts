/**
 * Gradients of gradients. A kernel that computes a gradient has none of its own, and what a rule has saved of its forward function are
 * numbers: to a gradient of the gradient they do not depend on anything. So where that is wanted, a rule has to be composed of ordinary
 * operations, from the operation's inputs alone.
 */
import * as tf from '@tensorflow/tfjs-core';

/** Whether the gradient of what is computed now will be differentiated itself. Asked in the forward function of a custom gradient. */
export function isDifferentiatedTwice(): boolean {
  return tf.engine().state.gradientDepth > 1;
}
