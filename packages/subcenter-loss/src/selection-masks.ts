import * as tf from '@tensorflow/tfjs-core';

/*
 * Masks of zeros and ones that pick entries without gathering: comparisons against a row of indices. Unlike an ONNX or
 * TensorFlow one-hot they treat a negative index the same everywhere: nothing is picked.
 */

function indexRow(length: number): tf.Tensor1D {
  return tf.tensor1d(Int32Array.from({ length }, (_, index) => index));
}

/** [B] int32 labels -> [B, C] float32, one where the column is the label. */
export function classMask(labels: tf.Tensor1D, classes: number): tf.Tensor2D {
  const column: tf.Tensor2D = tf.reshape(labels, [labels.shape[0], 1]);
  return tf.cast(tf.equal(column, tf.reshape(indexRow(classes), [1, classes])), 'float32');
}

/** [B, C, K] -> [B, C, K] float32, one at the largest entry along K; at the first of them where several are equal. */
export function firstWinners(perSubcenter: tf.Tensor3D): tf.Tensor3D {
  const [batch, classes, subcenters] = perSubcenter.shape;
  const winner = tf.reshape(tf.argMax(perSubcenter, 2), [batch, classes, 1]);
  return tf.cast(tf.equal(winner, tf.reshape(indexRow(subcenters), [1, 1, subcenters])), 'float32');
}
