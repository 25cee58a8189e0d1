import * as tf from '@tensorflow/tfjs-core';
import type { Margin, PastPi } from './margin.ts';

/*
 * The margin, applied to the cosine between an embedding and its own class: f(c) = cos(m1 * acos(c) + m2) - m3, and its
 * slope df/dc = m1 * sin(m1 * theta + m2) / sin(theta).
 *
 * The slope has a pole at theta = 0 and theta = pi. In the gradient of the embedding it meets the projection onto the
 * tangent of the sphere, whose length is sin(theta), so the true gradient stays bounded while its direction becomes
 * undefined. Near the poles the slope is therefore held at its value at SMALLEST_ANGLE: |slope| <= m1 / sin(1e-3), about
 * 1000 * m1, and the gradient fades to zero towards the pole. Float32 cannot resolve smaller angles anyway: cosines
 * there differ from 1 by less than 5e-7. The value f(c) itself is not touched.
 *
 * The numbers of the margin enter as tensors, so that warming a margin up does not recompile a traced graph. Only m1 = 1
 * against m1 != 1 chooses between two graphs: without m1 no arc cosine is needed.
 */

/** Radians. */
export const SMALLEST_ANGLE = 1e-3;

const SMALLEST_SINE = Math.sin(SMALLEST_ANGLE);

export interface TargetMargin {
  /** f(c), same shape as the cosines. */
  readonly value: tf.Tensor2D;
  /** df/dc, held near the poles as described above. */
  readonly slope: tf.Tensor2D;
}

export interface TargetMarginOptions {
  readonly margin: Margin;
  readonly pastPi: PastPi;
  /** m2 of each image, radians, in the place of `margin.m2`. */
  readonly m2PerImage: ArrayLike<number> | undefined;
}

/** @param cosine [B, 1] cosines to the own class; rounding may have taken them slightly outside [-1, 1]. */
export function targetMargin(
  cosine: tf.Tensor2D,
  { margin, pastPi, m2PerImage }: TargetMarginOptions,
): TargetMargin {
  const { m1, m3 } = margin;
  /** A number that depends on m2: one for all images, or a column with one for each. */
  const fromM2 = (f: (m2: number) => number): tf.Tensor =>
    m2PerImage
      ? tf.tensor2d(Float32Array.from(m2PerImage, f), [m2PerImage.length, 1])
      : tf.scalar(f(margin.m2));
  const inside = tf.clipByValue(cosine, -1, 1);
  const folded = m1 === 1 ? addedAngle(inside, m3, fromM2) : scaledAngle(inside, m1, m3, fromM2);
  if (pastPi === 'fold') return folded;

  const one = tf.onesLike(inside);
  if (pastPi === 'easy') {
    const isEasy = tf.greater(inside, 0);
    return { value: tf.where(isEasy, folded.value, inside), slope: tf.where(isEasy, folded.slope, one) };
  }
  const beforePi = tf.greater(
    inside,
    fromM2((m2) => cosineAtPi(m1, m2)),
  );
  const line: tf.Tensor2D = tf.sub(
    inside,
    fromM2((m2) => dropPastPi(m1, m2) + m3),
  );
  return { value: tf.where(beforePi, folded.value, line), slope: tf.where(beforePi, folded.slope, one) };
}

type FromM2 = (f: (m2: number) => number) => tf.Tensor;

/** cos(theta + m2) = cos(theta) cos(m2) - sin(theta) sin(m2) */
function addedAngle(cosine: tf.Tensor2D, m3: number, fromM2: FromM2): TargetMargin {
  const cosM2 = fromM2(Math.cos);
  const sinM2 = fromM2(Math.sin);
  const sine = tf.sqrt(tf.mul(tf.sub(1, cosine), tf.add(1, cosine)));
  return {
    value: tf.sub(tf.sub(tf.mul(cosine, cosM2), tf.mul(sine, sinM2)), tf.scalar(m3)),
    slope: tf.add(cosM2, tf.mul(tf.div(cosine, tf.maximum(sine, SMALLEST_SINE)), sinM2)),
  };
}

function scaledAngle(cosine: tf.Tensor2D, m1: number, m3: number, fromM2: FromM2): TargetMargin {
  const factor = tf.scalar(m1);
  const added = fromM2((m2) => m2);
  const angle = tf.acos(cosine);
  const held = tf.clipByValue(angle, SMALLEST_ANGLE, Math.PI - SMALLEST_ANGLE);
  return {
    value: tf.sub(tf.cos(tf.add(tf.mul(angle, factor), added)), tf.scalar(m3)),
    slope: tf.div(tf.mul(factor, tf.sin(tf.add(tf.mul(held, factor), added))), tf.sin(held)),
  };
}

/** The angle to the own class at which m1 * theta + m2 reaches pi, radians, within 0..pi. */
function angleAtPi(m1: number, m2: number): number {
  return m1 === 0 ? Math.PI : Math.min(Math.PI, Math.max(0, (Math.PI - m2) / m1));
}

/** Its cosine; below every cosine where that angle does not exist. */
function cosineAtPi(m1: number, m2: number): number {
  const angle = angleAtPi(m1, m2);
  return angle < Math.PI ? Math.cos(angle) : -2;
}

function dropPastPi(m1: number, m2: number): number {
  const rest = Math.PI - angleAtPi(m1, m2);
  return rest * Math.sin(rest);
}
