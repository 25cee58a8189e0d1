import * as tf from '@tensorflow/tfjs-core';

/*
 * Masks of zeros and ones that pick entries without gathering: comparisons against a row of indices. Unlike an ONNX or
 * TensorFlow one-hot they treat a negative index the same everywhere: nothing is picked.
 */

function indexRow(length: number): tf.Tensor1D {
  return tf.tensor1d(Int32Array.from({ length }, (_, index) => index));
}

/** [B] labels -> [B, C] bool, true where the column is the label. */
export function isOwnClass(labels: ArrayLike<number>, classes: number): tf.Tensor2D {
  const column = tf.tensor2d(Int32Array.from(labels), [labels.length, 1]);
  return tf.equal(column, tf.reshape(indexRow(classes), [1, classes]));
}

/** [B, C, K] -> [B, C, K] float32, one at the largest entry along K; at the first of them where several are equal. */
export function firstWinners(perSubcenter: tf.Tensor3D): tf.Tensor3D {
  const [batch, classes, subcenters] = perSubcenter.shape;
  const winner = tf.reshape(tf.argMax(perSubcenter, 2), [batch, classes, 1]);
  return tf.cast(tf.equal(winner, tf.reshape(indexRow(subcenters), [1, 1, subcenters])), 'float32');
}

/** What a logit is lowered by to take it out of a softmax: its exponential is then exactly zero. */
const OUT_OF_SOFTMAX = 1e9;

/** Lowers the logits where `condition` holds so far that they have no share in a softmax, nor a gradient. */
export function withoutLogits(logits: tf.Tensor2D, condition: tf.Tensor2D): tf.Tensor2D {
  return tf.where(condition, tf.fill(logits.shape, -OUT_OF_SOFTMAX), logits);
}
