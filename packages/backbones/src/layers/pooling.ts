/** Average or maximum over windows, or over the whole map. A window that would stick out at the end is left out. */
import * as tf from '@tensorflow/tfjs-core';
import { type Extent, imageShape, type LayerRules, onlyInput, windowSteps } from './layer.ts';
import { margins, windowPadding } from './padding.ts';

export interface PoolingLayer {
  readonly kind: 'pooling';
  readonly method: 'average' | 'maximum';
  /** Over the whole map; kernel, stride and padding are not used then. */
  readonly global: boolean;
  readonly kernel: Extent;
  readonly stride: Extent;
  readonly padding: Extent;
  /** Whether zeros of the padding count in an average. */
  readonly countPadding: boolean;
}

export const poolingRules: LayerRules<PoolingLayer> = {
  outputShape({ global, kernel, stride, padding }, inputs) {
    const [height, width, channels] = imageShape(onlyInput(inputs));
    return global
      ? [1, 1, channels]
      : [
          windowSteps(height, kernel[0], stride[0], padding[0]),
          windowSteps(width, kernel[1], stride[1], padding[1]),
          channels,
        ];
  },

  apply(layer, inputs) {
    const x = onlyInput(inputs) as tf.Tensor4D;
    const average = layer.method === 'average';
    if (layer.global) {
      return average ? tf.mean(x, [1, 2], true) : tf.max(x, [1, 2], true);
    }
    const window: [number, number] = [...layer.kernel];
    const stride: [number, number] = [...layer.stride];
    if (!average) return tf.maxPool(x, window, stride, windowPadding(layer));
    // tfjs leaves the padding out of an average.
    return layer.countPadding && layer.padding.some((side) => side > 0)
      ? tf.avgPool(tf.pad(x, margins(layer.padding)), window, stride, 'valid')
      : tf.avgPool(x, window, stride, windowPadding(layer));
  },
};
