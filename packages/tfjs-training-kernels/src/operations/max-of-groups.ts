/**
 * The gradient of the largest of each group of neighbouring columns, to one winner only. (TensorFlow.js's own gradient of a
 * maximum gives every one of several equal entries the whole of it.)
 *
 * | kernel | inputs | attributes | output |
 * |---|---|---|---|
 * | `MaxOfGroupsGrad` | dy [R, G], x [R, G * size] | size | dx [R, G * size] |
 */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel } from './registered-kernel.ts';

const KERNEL = 'MaxOfGroupsGrad';

/**
 * @param dy [R, G] float32, the gradient with respect to the maxima.
 * @param x [R, G * size] float32, what they are the maxima of.
 * @param size columns of a group.
 * @returns [R, G * size] float32: dy where a group has its largest entry, the first where several are equal; else 0.
 */
export function maxOfGroupsGradient(dy: tf.Tensor2D, x: tf.Tensor2D, size: number): tf.Tensor2D {
  if (size === 1) return tf.clone(dy);
  if (hasKernel(KERNEL)) {
    return tf.engine().runKernel(KERNEL, { dy, x }, { size }) as tf.Tensor as tf.Tensor2D;
  }
  return tf.tidy(() => {
    const [rows, groups] = dy.shape;
    const winner = tf.reshape(tf.argMax(tf.reshape(x, [rows, groups, size]), 2), [rows, groups, 1]);
    const columns = tf.tensor3d(
      Int32Array.from({ length: size }, (_, column) => column),
      [1, 1, size],
    );
    // A comparison with a row of indices instead of a one-hot, which the backends don't agree on.
    const isWinner = tf.cast(tf.equal(winner, columns), 'float32');
    return tf.reshape(tf.mul(tf.reshape(dy, [rows, groups, 1]), isWinner), x.shape);
  });
}
