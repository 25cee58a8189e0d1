/**
 * How the images of a batch lie among the sub-centres: what the loss does not tell, since it has only one number. Taken from the
 * embeddings of the training step itself, so that it costs one product of matrices and no forward pass.
 */
import { ownSubcenterCosines, type SubcenterHead, subcenterCosines } from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';

/** Cosines, without margin. */
export interface ImageMargins {
  /** To each sub-centre of the image's own class: [B, K]. */
  readonly own: tf.Tensor2D;
  /** To the nearest sub-centre of any other class: [B]; -1 where there is no other class. */
  readonly other: tf.Tensor1D | undefined;
}

/** Takes a cosine of the own class out of every comparison. */
const BELOW_EVERY_COSINE = 4;

/**
 * @param embeddings [B, D]. @param labels B classes.
 * @param options.others whether to compare with all other classes, too: as much work as the loss's own comparison
 * @returns tensors that the caller disposes, whatever scope it is called in
 */
export function imageMargins(
  embeddings: tf.Tensor2D,
  { weights, subcenters, classes }: Pick<SubcenterHead, 'weights' | 'subcenters' | 'classes'>,
  labels: Int32Array,
  options: { readonly others: boolean },
): ImageMargins {
  return tf.tidy(() => {
    const own = tf.keep(ownSubcenterCosines(embeddings, weights, labels, subcenters));
    if (!options.others) return { own, other: undefined };
    const cosines = subcenterCosines(embeddings, weights, subcenters);
    const isOwn = tf.oneHot(tf.tensor1d(labels, 'int32'), classes, 1, 0, 'float32');
    const others = tf.sub(cosines, tf.mul(isOwn, tf.scalar(BELOW_EVERY_COSINE)));
    return { own, other: tf.keep<tf.Tensor1D>(tf.maximum(tf.max(others, 1), tf.scalar(-1))) };
  });
}
