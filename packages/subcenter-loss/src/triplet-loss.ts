/** The triplet loss on squared distances, FaceNet's. */
import * as tf from '@tensorflow/tfjs-core';
import { tripletHinge } from './triplets.ts';

export interface TripletLossOptions {
  /** By how much a negative must be further away than the positive, in squared distance of unit vectors. Default .3. */
  readonly alpha?: number;
}

/**
 * The triplet loss: mean of max(0, |a - p|^2 - |a - n|^2 + alpha) over triplets of unit vectors. Schroff et al.,
 * "FaceNet", CVPR 2015; the reference's `triplet` with its alpha.
 *
 * Differentiable; finite in value and gradient for every finite input. Which images make a triplet is the caller's choice.
 *
 * @param embeddings [3T, D] float32, not normalised: T anchors, then their positives, then their negatives, as the
 *   reference's batches are ordered.
 * @returns A scalar, the mean over all triplets.
 * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`, `invalid-option`.
 */
export function tripletLoss(embeddings: tf.Tensor2D, options: TripletLossOptions = {}): tf.Scalar {
  const { alpha = 0.3 } = options;
  return tripletHinge(embeddings, alpha, (anchor, positive, negative) => {
    const squaredDistance = (other: tf.Tensor2D): tf.Tensor2D =>
      tf.sum(tf.square(tf.sub(anchor, other)), 1, true);
    return {
      value: tf.add(tf.sub(squaredDistance(positive), squaredDistance(negative)), tf.scalar(alpha)),
      slopes: () => [
        tf.mul(tf.sub(negative, positive), 2),
        tf.mul(tf.sub(positive, anchor), 2),
        tf.mul(tf.sub(anchor, negative), 2),
      ],
    };
  });
}
