/** `LogSoftmax`, which the WebGPU backend lacks: x - max - log(sum(exp(x - max))) along the last axis. */
import * as tf from '@tensorflow/tfjs-core';

export const logSoftmax: tf.KernelConfig = {
  kernelName: 'LogSoftmax',
  backendName: 'webgpu',
  // tf.logSoftmax allows no other axis than the last.
  kernelFunc: ({ inputs }) =>
    tf.tidy(() => {
      const logits = inputs.logits as tf.Tensor;
      const shifted = tf.sub(logits, tf.max(logits, -1, true));
      return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), -1, true)));
    }),
};
