/**
 * L2 normalisation of rows as the reference does it: x / sqrt(sum x^2 + 1e-10), so that a zero row stays zero instead of
 * becoming NaN (its gradient is then scaled by 1e5).
 */
import * as tf from '@tensorflow/tfjs-core';

/** Added under the square root. */
const NORM_EPSILON = 1e-10;

/**
 * Coordinates are first clamped to this size. Their squares then stay inside float32 for any number of dimensions, so
 * that the largest finite inputs give finite results; rows with smaller coordinates are not touched.
 */
const LARGEST_COORDINATE = 1e15;

export interface MeasuredRows {
  /** The rows, clamped: [rows, D]. */
  readonly rows: tf.Tensor2D;
  /** One over each row's norm: [rows, 1]. */
  readonly inverseNorm: tf.Tensor2D;
}

/** Measures rows without dividing them: for a large matrix it is cheaper to scale what is computed from it. */
export function measureRows(x: tf.Tensor2D): MeasuredRows {
  const rows = tf.clipByValue(x, -LARGEST_COORDINATE, LARGEST_COORDINATE);
  const squares = tf.sum(tf.square(rows), 1, true);
  return { rows, inverseNorm: tf.div(1, tf.sqrt(tf.add(squares, NORM_EPSILON))) };
}

/** Rows of length one (zero rows stay zero): [rows, D]. */
export function unitRows(x: tf.Tensor2D): tf.Tensor2D {
  const { rows, inverseNorm } = measureRows(x);
  return tf.mul(rows, inverseNorm);
}

/**
 * The gradient with respect to rows, from that with respect to unit rows: drop the component along the row itself, divide by
 * the norm.
 */
export function throughUnitRows(
  dUnit: tf.Tensor2D,
  unit: tf.Tensor2D,
  inverseNorm: tf.Tensor2D,
): tf.Tensor2D {
  const along = tf.sum(tf.mul(dUnit, unit), 1, true);
  return tf.mul(tf.sub(dUnit, tf.mul(unit, along)), inverseNorm);
}
