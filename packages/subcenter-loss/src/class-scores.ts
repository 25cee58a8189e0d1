import * as tf from '@tensorflow/tfjs-core';
import { firstWinners } from './selection-masks.ts';
import { measureRows } from './unit-rows.ts';

/*
 * From sub-centres to one cosine a class, and the way back: what the loss does for all classes at once or for one chunk of them
 * after another.
 *
 *   unit embeddings x [B, D], sub-centres W [C*K, D]     (row = class * K + k)
 *   cosines to all sub-centres           [B, C*K]
 *   -> the nearest sub-centre of a class [B, C]          (max over K; the first on a tie)
 *
 * The rows of W are never divided by their norms: the [B, C*K] products are, which is less work for usual batches.
 */

export interface ClassScores {
  /** The sub-centres, clamped: [C*K, D]. */
  readonly rows: tf.Tensor2D;
  /** One over each sub-centre's norm: [1, C*K]. */
  readonly inverseNorm: tf.Tensor2D;
  /** [B, C*K] */
  readonly cosines: tf.Tensor2D;
  /** The largest cosine of each class: [B, C]. */
  readonly perClass: tf.Tensor2D;
}

export function scoreClasses(
  unitEmbeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  subcenters: number,
): ClassScores {
  const { rows, inverseNorm } = measureRows(weights);
  const count = rows.shape[0];
  const inverse = tf.reshape(inverseNorm, [1, count]) as tf.Tensor2D;
  const cosines: tf.Tensor2D = tf.mul(tf.matMul(unitEmbeddings, rows, false, true), inverse);
  const perClass: tf.Tensor2D =
    subcenters === 1 ? cosines : tf.max(tf.reshape(cosines, [-1, count / subcenters, subcenters]), 2);
  return { rows, inverseNorm: inverse, cosines, perClass };
}

export interface ScoreGradients {
  /** With respect to the unit embeddings: [B, D]. */
  readonly dUnit: tf.Tensor2D;
  /** With respect to the sub-centres: [C*K, D]. */
  readonly dWeights: tf.Tensor2D;
}

/** @param dPerClass [B, C], the gradient with respect to `scores.perClass`. It goes to the winning sub-centre only. */
export function scoreGradients(
  dPerClass: tf.Tensor2D,
  unitEmbeddings: tf.Tensor2D,
  { rows, inverseNorm, cosines }: Omit<ClassScores, 'perClass'>,
  subcenters: number,
): ScoreGradients {
  const [batch, classes] = dPerClass.shape;
  const count = rows.shape[0];
  let dCosines = dPerClass;
  if (subcenters > 1) {
    const winners = firstWinners(tf.reshape(cosines, [batch, classes, subcenters]));
    dCosines = tf.reshape(tf.mul(tf.reshape(dPerClass, [batch, classes, 1]), winners), [batch, count]);
  }
  // Of products with rows that are not normalised. What pulls a row along itself is taken out at the end.
  const dProducts: tf.Tensor2D = tf.mul(dCosines, inverseNorm);
  const along = tf.mul(tf.sum(tf.mul(dProducts, cosines), 0, true), inverseNorm);
  return {
    dUnit: tf.matMul(dProducts, rows),
    dWeights: tf.sub(
      tf.matMul(dProducts, unitEmbeddings, true, false),
      tf.mul(rows, tf.reshape(along, [count, 1])),
    ),
  };
}
