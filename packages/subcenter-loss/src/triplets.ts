/**
 * What the two triplet losses share: rows that stand for anchors, positives and negatives, their normalisation, the
 * hinge, and the way back through all of it.
 */
import * as tf from '@tensorflow/tfjs-core';
import { SubcenterLossError } from './subcenter-loss-error.ts';
import { measureRows, throughUnitRows } from './unit-rows.ts';

/** How much too near the negatives are, and how that changes with each of the three. */
export interface TripletViolation {
  /** [T, 1]: what the hinge is taken of. */
  readonly value: tf.Tensor2D;
  /** Derivatives with respect to the unit anchors, positives and negatives: [T, D] each. */
  readonly slopes: () => readonly [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
}

/**
 * Mean of max(0, violation) over triplets of unit vectors; differentiable in `embeddings`.
 *
 * @param embeddings [3T, D] float32: T anchors, then their positives, then their negatives.
 * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`, `invalid-option`.
 */
export function tripletHinge(
  embeddings: tf.Tensor2D,
  alpha: number,
  violation: (anchor: tf.Tensor2D, positive: tf.Tensor2D, negative: tf.Tensor2D) => TripletViolation,
): tf.Scalar {
  checkTriplets(embeddings, alpha);
  const count = embeddings.shape[0] / 3;
  const operation = tf.customGrad<tf.Scalar>((...args) => {
    const [x, save] = args as [tf.Tensor2D, tf.GradSaveFunc];
    const { rows, inverseNorm } = measureRows(x);
    const unit: tf.Tensor2D = tf.mul(rows, inverseNorm);
    const third = (i: number): tf.Tensor2D => tf.slice(unit, [i * count, 0], [count, -1]);
    const { value, slopes } = violation(third(0), third(1), third(2));
    const active = tf.cast(tf.greater(value, 0), 'float32');
    save([unit, inverseNorm, active, ...slopes()]);
    return {
      value: tf.mean<tf.Scalar>(tf.relu(value)),
      gradFunc: (upstream: tf.Scalar, saved: tf.Tensor[]) => {
        const [u, inverse, on, ...parts] = saved as tf.Tensor2D[];
        const share = tf.mul(on!, tf.mul(upstream, tf.scalar(1 / count)));
        const dUnit: tf.Tensor2D = tf.concat(parts.map((slope) => tf.mul<tf.Tensor2D>(slope, share)));
        return throughUnitRows(dUnit, u!, inverse!);
      },
    };
  });
  return operation(embeddings);
}

function checkTriplets({ shape, dtype, rank }: tf.Tensor2D, alpha: number): void {
  if (rank !== 2 || shape[0] === 0 || shape[0] % 3 !== 0) {
    throw new SubcenterLossError(
      'shape-mismatch',
      `embeddings must be a matrix of 3T rows, anchors, positives and negatives, found shape [${shape}]`,
    );
  }
  if (dtype !== 'float32') {
    throw new SubcenterLossError('dtype-mismatch', `embeddings must be float32, found ${dtype}`);
  }
  if (!(Math.abs(alpha) <= 10)) {
    throw new SubcenterLossError('invalid-option', `alpha must be a number from -10 to 10, found ${alpha}`);
  }
}
