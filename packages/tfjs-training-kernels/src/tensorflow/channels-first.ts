/** Images that come channels first (`dataFormat: 'NCHW'`), as the operations want them that TensorFlow has on a CPU. */
import * as tf from '@tensorflow/tfjs-core';

/** [N, C, H, W] as [N, H, W, C]. */
export function channelsLast(images: tf.Tensor): tf.Tensor {
  return tf.transpose(images, [0, 2, 3, 1]);
}

/** [N, H, W, C] as [N, C, H, W]. */
export function toChannelsFirst(images: tf.Tensor): tf.Tensor {
  return tf.transpose(images, [0, 3, 1, 2]);
}

type Shape4D = [number, number, number, number];

export function channelsLastShape([n, c, h, w]: Shape4D): Shape4D {
  return [n, h, w, c];
}

type Padding = 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;

/** Explicit padding has a pair an axis, in the order of the axes. */
export function channelsLastPadding(pad: Padding): Padding {
  if (!Array.isArray(pad)) return pad;
  const [n, c, h, w] = pad;
  return [n, h, w, c] as tf.backend_util.ExplicitPadding;
}
