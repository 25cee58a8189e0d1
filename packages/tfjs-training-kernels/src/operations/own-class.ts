/** Which column of a matrix over classes is each image's own. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * [B] labels -> [B, C] bool, true where the column is the label. A comparison with a row of indices: unlike the backends'
 * one-hots it treats a negative label the same everywhere, nothing is true in its row.
 */
export function isOwnClass(labels: ArrayLike<number>, classes: number): tf.Tensor2D {
  const column = tf.tensor2d(Int32Array.from(labels), [labels.length, 1]);
  const indices = Int32Array.from({ length: classes }, (_, index) => index);
  return tf.equal(column, tf.tensor2d(indices, [1, classes]));
}
