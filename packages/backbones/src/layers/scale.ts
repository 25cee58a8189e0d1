/** Shifts and scales every value by constants: how images 0..255 become about -1..1 inside the network. */
import * as tf from '@tensorflow/tfjs-core';
import { type LayerRules, onlyInput } from './layer.ts';

export interface ScaleLayer {
  readonly kind: 'scale';
  /** Subtracted first. */
  readonly offset: number;
  /** Multiplied with then. */
  readonly factor: number;
}

export const scaleRules: LayerRules<ScaleLayer> = {
  outputShape: (_, inputs) => onlyInput(inputs),
  apply({ offset, factor }, inputs) {
    const x = onlyInput(inputs);
    const shifted = offset === 0 ? x : tf.sub(x, offset);
    return factor === 1 ? shifted : tf.mul(shifted, factor);
  },
};
