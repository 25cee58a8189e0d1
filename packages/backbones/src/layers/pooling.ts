/** Average or maximum over windows, or over the whole map. A window that would stick out at the end is left out. */
import * as tf from '@tensorflow/tfjs-core';
import { type Extent, imageShape, type LayerRules, onlyInput, windowSteps } from './layer.ts';

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
    const [vertical, horizontal] = layer.padding;
    const window: [number, number] = [...layer.kernel];
    const stride: [number, number] = [...layer.stride];
    if (vertical === 0 && horizontal === 0) {
      return average ? tf.avgPool(x, window, stride, 'valid') : tf.maxPool(x, window, stride, 'valid');
    }
    if (average && layer.countPadding) {
      const margins: [number, number][] = [
        [0, 0],
        [vertical, vertical],
        [horizontal, horizontal],
        [0, 0],
      ];
      return tf.avgPool(tf.pad(x, margins), window, stride, 'valid');
    }
    const pad: ExplicitPadding = [
      [0, 0],
      [vertical, vertical],
      [horizontal, horizontal],
      [0, 0],
    ];
    const amount = vertical === horizontal ? vertical : pad;
    return average ? tf.avgPool(x, window, stride, amount) : tf.maxPool(x, window, stride, amount);
  },
};

type ExplicitPadding = [[number, number], [number, number], [number, number], [number, number]];
