/** From the weights of images to what each counts for in the loss of a batch. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * What each image's loss counts for in the loss of a batch: its weight over the number of images. The weights are not
 * made to sum to one: with weights of 1 this is the mean, an image of weight 2 pulls twice as hard, and one of weight 0 not.
 *
 * @returns [B, 1].
 */
export function imageShares(batch: number, weights?: ArrayLike<number>): tf.Tensor2D {
  const shares = new Float32Array(batch).fill(1 / batch);
  if (weights) for (let i = 0; i < batch; i++) shares[i] = weights[i]! / batch;
  return tf.tensor2d(shares, [batch, 1]);
}
