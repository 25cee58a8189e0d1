/** The triplet loss on angles, the reference's `atriplet`. */
import * as tf from '@tensorflow/tfjs-core';
import { SMALLEST_ANGLE } from 'tfjs-training-kernels';
import { tripletHinge } from './triplets.ts';

export interface AngularTripletLossOptions {
  /** By how much a negative must be further away than the positive, radians. Default .35. */
  readonly alpha?: number;
}

/**
 * The triplet loss on angles: mean of max(0, angle(a, p) - angle(a, n) + alpha). The reference's `atriplet` with its alpha.
 *
 * Differentiable; finite in value and gradient for every finite input: within 0.001 radian of 0 and pi, where the slope of
 * the arc cosine has its poles, the slope is held.
 *
 * @param embeddings [3T, D] float32, not normalised: T anchors, then their positives, then their negatives, as the
 *   reference's batches are ordered.
 * @returns A scalar, the mean over all triplets.
 * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`, `invalid-option`.
 */
export function angularTripletLoss(
  embeddings: tf.Tensor2D,
  options: AngularTripletLossOptions = {},
): tf.Scalar {
  const { alpha = 0.35 } = options;
  return tripletHinge(embeddings, alpha, (anchor, positive, negative) => {
    const near = angleTo(anchor, positive);
    const far = angleTo(anchor, negative);
    return {
      value: tf.add(tf.sub(near.angle, far.angle), tf.scalar(alpha)),
      slopes: () => [
        tf.sub(tf.mul(positive, near.slope), tf.mul(negative, far.slope)),
        tf.mul(anchor, near.slope),
        tf.neg(tf.mul(anchor, far.slope)),
      ],
    };
  });
}

/** The angle between unit rows, and its slope over the cosine: [T, 1] each. */
function angleTo(a: tf.Tensor2D, b: tf.Tensor2D): { angle: tf.Tensor2D; slope: tf.Tensor2D } {
  const cosine: tf.Tensor2D = tf.sum(tf.mul(a, b), 1, true);
  const angle: tf.Tensor2D = tf.acos(tf.clipByValue(cosine, -1, 1));
  const held = tf.clipByValue(angle, SMALLEST_ANGLE, Math.PI - SMALLEST_ANGLE);
  return { angle, slope: tf.div(-1, tf.sin(held)) };
}
