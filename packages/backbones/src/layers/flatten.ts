/**
 * Makes one row of an image's activations, channel by channel as MXNet does (channels, height, width), although they
 * lie here with channels last: weights that follow are the reference's.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type LayerRules, onlyInput } from './layer.ts';

export interface FlattenLayer {
  readonly kind: 'flatten';
}

export const flattenRules: LayerRules<FlattenLayer> = {
  outputShape: (_, inputs) => [onlyInput(inputs).reduce((product, size) => product * size, 1)],
  apply: (_, inputs) => flattened(onlyInput(inputs)),
};

/** `[B, H, W, C]` to `[B, C * H * W]`; `[B, C]` stays. */
export function flattened(x: tf.Tensor): tf.Tensor2D {
  if (x.rank === 2) {
    return x as tf.Tensor2D;
  }
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const size: [number, number] = [batch, channels * height * width];
  // With a single position the order makes no difference, and a transpose is saved.
  return tf.reshape(height * width === 1 ? x : tf.transpose(x, [0, 3, 1, 2]), size);
}
