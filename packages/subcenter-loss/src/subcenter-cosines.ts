/** Cosines between embeddings and sub-centres, for looking rather than for training. */
import * as tf from '@tensorflow/tfjs-core';
import { scoreClasses } from './class-scores.ts';
import { checkLabels, checkLossShapes } from './input-checks.ts';
import { unitRows } from './unit-rows.ts';

/**
 * Cosine of each embedding to the nearest sub-centre of each class.
 *
 * @param embeddings [B, D] float32. @param weights [C * K, D] float32, class-major. @param subcenters K.
 * @returns [B, C] float32.
 * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`, `invalid-option`.
 */
export function subcenterCosines(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  subcenters: number,
): tf.Tensor2D {
  checkLossShapes(embeddings, weights, subcenters);
  // The operations of the loss: beside it, in one graph, they are not computed twice.
  return tf.tidy(() => scoreClasses(unitRows(embeddings), weights, subcenters).perClass);
}

/**
 * Cosine of each embedding to each sub-centre of its own class only: O(B K D), whatever the number of classes.
 *
 * @param labels B classes, each in 0..C-1.
 * @returns [B, K] float32.
 * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`, `invalid-option`, `label-out-of-range`.
 */
export function ownSubcenterCosines(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: ArrayLike<number>,
  subcenters: number,
): tf.Tensor2D {
  const { batch, classes, dimensions } = checkLossShapes(embeddings, weights, subcenters);
  checkLabels(labels, batch, classes);
  return tf.tidy(() => {
    const byClass = tf.reshape(weights, [classes, subcenters * dimensions]);
    const own: tf.Tensor2D = tf.reshape(tf.gather(byClass, tf.tensor1d(Int32Array.from(labels))), [
      batch * subcenters,
      dimensions,
    ]);
    const unitOwn = tf.reshape(unitRows(own), [batch, subcenters, dimensions]);
    const unitX = tf.reshape(unitRows(embeddings), [batch, 1, dimensions]);
    return tf.sum(tf.mul(unitOwn, unitX), 2);
  });
}
