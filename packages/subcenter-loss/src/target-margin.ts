import * as tf from '@tensorflow/tfjs-core';
import type { Margin } from './margin.ts';

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
 * The numbers of the margin enter as scalar tensors, so that warming a margin up does not recompile a traced graph. Only
 * m1 = 1 against m1 != 1 chooses between two graphs: without m1 no arc cosine is needed.
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

/** @param cosine Cosines to the own class, any shape; rounding may have taken them slightly outside [-1, 1]. */
export function targetMargin(cosine: tf.Tensor2D, margin: Margin): TargetMargin {
  const inside = tf.clipByValue(cosine, -1, 1);
  const m3 = tf.scalar(margin.m3);
  if (margin.m1 === 1) {
    // cos(theta + m2) = cos(theta) cos(m2) - sin(theta) sin(m2)
    const cosM2 = tf.scalar(Math.cos(margin.m2));
    const sinM2 = tf.scalar(Math.sin(margin.m2));
    const sine = tf.sqrt(tf.mul(tf.sub(1, inside), tf.add(1, inside)));
    return {
      value: tf.sub(tf.sub(tf.mul(inside, cosM2), tf.mul(sine, sinM2)), m3),
      slope: tf.add(cosM2, tf.mul(tf.div(inside, tf.maximum(sine, SMALLEST_SINE)), sinM2)),
    };
  }
  const m1 = tf.scalar(margin.m1);
  const m2 = tf.scalar(margin.m2);
  const angle = tf.acos(inside);
  const held = tf.clipByValue(angle, SMALLEST_ANGLE, Math.PI - SMALLEST_ANGLE);
  return {
    value: tf.sub(tf.cos(tf.add(tf.mul(angle, m1), m2)), m3),
    slope: tf.div(tf.mul(m1, tf.sin(tf.add(tf.mul(held, m1), m2))), tf.sin(held)),
  };
}
