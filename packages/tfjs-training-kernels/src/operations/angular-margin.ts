/**
 * A margin on the angle between a vector and the centre of its own class, as a function of the cosine:
 * f(c) = cos(m1 * acos(c) + m2) - m3, with the slope df/dc = m1 * sin(m1 * theta + m2) / sin(theta).
 *
 * The slope has a pole at theta = 0 and theta = pi. In the gradient of the vector it meets the projection onto the
 * tangent of the sphere, whose length is sin(theta), so the true gradient stays bounded while its direction becomes
 * undefined. Near the poles the slope is therefore held at its value at SMALLEST_ANGLE: |slope| <= m1 / sin(1e-3), about
 * 1000 * m1, and the gradient fades to zero towards the pole. Float32 cannot resolve smaller angles anyway: cosines
 * there differ from 1 by less than 5e-7. The value f(c) itself is not touched.
 */
import * as tf from '@tensorflow/tfjs-core';

/** Radians. */
export const SMALLEST_ANGLE = 1e-3;

const SMALLEST_SINE = Math.sin(SMALLEST_ANGLE);

/** A number for all rows, or one for each. */
export type PerRow = number | ArrayLike<number>;

/**
 * The margin of rows of cosines. Its numbers enter a graph as inputs, so that moving them does not recompile it; only m1 = 1 or
 * not, and a line or none, choose between graphs. (m1, m2, m3: Deng et al., "ArcFace", arXiv 1801.07698v4, equation 4.)
 */
export interface AngularMargin {
  /** Multiplies the angle. 1 is none, and needs no arc cosine. */
  readonly m1: number;
  /** Added to the angle, radians. */
  readonly m2: PerRow;
  /** Subtracted from the cosine. */
  readonly m3: number;
  /** Up to the cosine `upTo` the margin is a line instead: f(c) = c - drop, with the slope 1. Default: nowhere. */
  readonly line?: { readonly upTo: PerRow; readonly drop: PerRow } | undefined;
}

export interface MarginValue {
  /** f(c), same shape as the cosines. */
  readonly value: tf.Tensor2D;
  /** df/dc, held near the poles as described above. */
  readonly slope: tf.Tensor2D;
}

/**
 * The margin composed of ordinary operations, without a gradient: the slope is given instead.
 *
 * @param cosine [B, 1] float32; rounding may have taken them slightly outside [-1, 1].
 */
export function angularMargin(cosine: tf.Tensor2D, margin: AngularMargin): MarginValue {
  const inside = tf.clipByValue(cosine, -1, 1);
  const folded = margin.m1 === 1 ? addedAngle(inside, margin) : scaledAngle(inside, margin);
  if (margin.line === undefined) return folded;
  const { upTo, drop } = margin.line;
  const isAbove = tf.greater(inside, perRow(upTo));
  const line: tf.Tensor2D = tf.sub(inside, perRow(drop));
  return {
    value: tf.where(isAbove, folded.value, line),
    slope: tf.where(isAbove, folded.slope, tf.onesLike(inside)),
  };
}

/** A scalar, or a column [B, 1]. */
function perRow(value: PerRow, of: (value: number) => number = (same) => same): tf.Tensor {
  return typeof value === 'number'
    ? tf.scalar(of(value))
    : tf.tensor2d(Float32Array.from(value, of), [value.length, 1]);
}

/** cos(theta + m2) = cos(theta) cos(m2) - sin(theta) sin(m2) */
function addedAngle(cosine: tf.Tensor2D, { m2, m3 }: AngularMargin): MarginValue {
  const cosM2 = perRow(m2, Math.cos);
  const sinM2 = perRow(m2, Math.sin);
  const sine = tf.sqrt(tf.mul(tf.sub(1, cosine), tf.add(1, cosine)));
  return {
    value: tf.sub(tf.sub(tf.mul(cosine, cosM2), tf.mul(sine, sinM2)), tf.scalar(m3)),
    slope: tf.add(cosM2, tf.mul(tf.div(cosine, tf.maximum(sine, SMALLEST_SINE)), sinM2)),
  };
}

function scaledAngle(cosine: tf.Tensor2D, { m1, m2, m3 }: AngularMargin): MarginValue {
  const factor = tf.scalar(m1);
  const added = perRow(m2);
  const angle = tf.acos(cosine);
  const held = tf.clipByValue(angle, SMALLEST_ANGLE, Math.PI - SMALLEST_ANGLE);
  return {
    value: tf.sub(tf.cos(tf.add(tf.mul(angle, factor), added)), tf.scalar(m3)),
    slope: tf.div(tf.mul(factor, tf.sin(tf.add(tf.mul(held, factor), added))), tf.sin(held)),
  };
}
