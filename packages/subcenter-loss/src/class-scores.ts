/**
 * From sub-centres to one cosine a class, and the way back: what the loss does for all classes at once or for one chunk of them
 * after another.
 *
 *   unit embeddings x [B, D], sub-centres W [C*K, D]     (row = class * K + k)
 *   cosines to all sub-centres           [B, C*K]
 *   -> the nearest sub-centre of a class [B, C]          (max over K; the first on a tie)
 *
 * The rows of W are never divided by their norms: the [B, C*K] products are, which is less work for usual batches.
 */
import * as tf from '@tensorflow/tfjs-core';
import { maxOfGroupsGradient } from 'tfjs-training-kernels';
import { measureRows, throughUnitRows } from './unit-rows.ts';

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
  const count = rows.shape[0];
  const dCosines = maxOfGroupsGradient(dPerClass, cosines, subcenters);
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

/**
 * Cosine of each embedding [B, D] to the nearest sub-centre [C*K, D] of each class, [B, C], with the gradient above.
 * Differentiable in both; neither is normalised.
 */
export function classCosines(embeddings: tf.Tensor2D, weights: tf.Tensor2D, subcenters: number): tf.Tensor2D {
  const operation = tf.customGrad<tf.Tensor2D>((...args) => {
    const [embedding, weight, save] = args as [tf.Tensor2D, tf.Tensor2D, tf.GradSaveFunc];
    const x = measureRows(embedding);
    const unitX: tf.Tensor2D = tf.mul(x.rows, x.inverseNorm);
    const { rows, inverseNorm, cosines, perClass } = scoreClasses(unitX, weight, subcenters);
    save([unitX, x.inverseNorm, rows, inverseNorm, cosines]);
    return {
      value: perClass,
      gradFunc: (dPerClass: tf.Tensor2D, saved: tf.Tensor[]) => {
        const [unit, inverseX, weightRows, inverseW, products] = saved as Saved;
        const scores = { rows: weightRows, inverseNorm: inverseW, cosines: products };
        const { dUnit, dWeights } = scoreGradients(dPerClass, unit, scores, subcenters);
        return [throughUnitRows(dUnit, unit, inverseX), dWeights];
      },
    };
  });
  return operation(embeddings, weights);
}

type Saved = [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
