/**
 * The plain softmax loss: logits are inner products (plus a bias), nothing is normalised and there is no margin. It is
 * what margin losses are compared with.
 */
import * as tf from '@tensorflow/tfjs-core';
import { isOwnClass } from 'tfjs-training-kernels';
import { imageShares } from './image-shares.ts';
import { checkLabels, checkLossShapes, checkSampleWeights } from './input-checks.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';

export interface SoftmaxLossOptions {
  /** [C] float32, added to the logits. Default: none. */
  readonly bias?: tf.Tensor1D | undefined;
  /** What each image's loss is multiplied with before the mean over the batch is taken, [B], 0 to 1e6. Default: 1. */
  readonly sampleWeights?: ArrayLike<number> | undefined;
}

/**
 * Softmax cross-entropy of `embeddings x weights^T + bias`. Differentiable in embeddings, weights and bias.
 *
 * Unlike the margin losses its logits are unbounded: it is finite as long as the inner products are.
 *
 * @param embeddings [B, D] float32.
 * @param weights [C, D] float32.
 * @param labels B classes, each in 0..C-1.
 * @returns Mean over the batch, a scalar.
 * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`, `invalid-option`, `label-out-of-range`.
 */
export function softmaxLoss(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: ArrayLike<number>,
  options: SoftmaxLossOptions = {},
): tf.Scalar {
  const { bias, sampleWeights } = options;
  const { batch, classes } = checkLossShapes(embeddings, weights, 1);
  checkLabels(labels, batch, classes);
  if (sampleWeights) checkSampleWeights(sampleWeights, batch);
  if (bias && (bias.rank !== 1 || bias.shape[0] !== classes)) {
    throw new SubcenterLossError(
      'shape-mismatch',
      `bias must have shape [${classes}], found [${bias.shape}]`,
    );
  }
  const operation = tf.customGrad<tf.Scalar>((...args) => {
    const [x, w, b, save] = args as [tf.Tensor2D, tf.Tensor2D, tf.Tensor, tf.GradSaveFunc];
    const own = tf.cast<tf.Tensor2D>(isOwnClass(labels, classes), 'float32');
    const logProbability: tf.Tensor2D = tf.logSoftmax(tf.add(tf.matMul(x, w, false, true), b));
    const shares = imageShares(batch, sampleWeights);
    save([x, w, logProbability, own, shares]);
    return {
      value: tf.neg(tf.sum(tf.mul(tf.sum(tf.mul(logProbability, own), 1, true), shares))),
      gradFunc: (upstream: tf.Scalar, saved: tf.Tensor[]) => {
        const [embedding, weight, logP, mask, share] = saved as tf.Tensor2D[];
        const perImage = tf.mul(share!, upstream);
        const dLogits: tf.Tensor2D = tf.mul(tf.sub(tf.exp(logP!), mask!), perImage);
        return [
          tf.matMul(dLogits, weight!),
          tf.matMul(dLogits, embedding!, true, false),
          bias ? tf.sum(dLogits, 0) : tf.scalar(0),
        ];
      },
    };
  });
  return tf.tidy(() => operation(embeddings, weights, bias ?? tf.scalar(0)));
}
