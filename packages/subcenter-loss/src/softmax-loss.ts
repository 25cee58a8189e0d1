import * as tf from '@tensorflow/tfjs-core';
import { checkHeadShapes, checkLabelTensor } from './head-shapes.ts';
import { classMask } from './selection-masks.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';

/*
 * The plain softmax loss: logits are inner products (plus a bias), nothing is normalised and there is no margin. It is
 * what margin losses are compared with.
 */

/**
 * Softmax cross-entropy of `embeddings x weights^T + bias`. Differentiable in embeddings, weights and bias.
 *
 * Unlike the margin losses its logits are unbounded: it is finite as long as the inner products are.
 *
 * @param embeddings [B, D] float32.
 * @param weights [C, D] float32.
 * @param labels [B] int32 in 0..C-1.
 * @param bias [C] float32, optional.
 * @returns Mean over the batch, a scalar.
 * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`.
 */
export function softmaxLoss(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: tf.Tensor1D,
  bias?: tf.Tensor1D,
): tf.Scalar {
  const { batch, classes } = checkHeadShapes(embeddings, weights, 1);
  checkLabelTensor(labels, batch);
  if (bias && (bias.rank !== 1 || bias.shape[0] !== classes)) {
    throw new SubcenterLossError(
      'shape-mismatch',
      `bias must have shape [${classes}], found [${bias.shape}]`,
    );
  }
  return tf.tidy(() => {
    const products: tf.Tensor2D = tf.matMul(embeddings, weights, false, true);
    const logits: tf.Tensor2D = bias ? tf.add(products, tf.reshape(bias, [1, classes])) : products;
    return crossEntropy(logits, labels);
  });
}

function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  const [batch, classes] = logits.shape;
  const operation = tf.customGrad<tf.Scalar>((...args) => {
    const [z, save] = args as [tf.Tensor2D, tf.GradSaveFunc];
    const target = classMask(labels, classes);
    const logProbability = tf.logSoftmax(z);
    save([logProbability, target]);
    return {
      value: tf.neg(tf.mean(tf.sum(tf.mul(logProbability, target), 1))),
      gradFunc: (upstream: tf.Scalar, saved: tf.Tensor[]) => {
        const [logP, mask] = saved as [tf.Tensor2D, tf.Tensor2D];
        return tf.mul(tf.sub(tf.exp(logP), mask), tf.mul(upstream, tf.scalar(1 / batch)));
      },
    };
  });
  return operation(logits);
}
