/** Sets values to zero at random while training, and makes up for it in the others; does nothing otherwise. */
import * as tf from '@tensorflow/tfjs-core';
import { SmallFastCounting } from '../small-fast-counting.ts';
import { type LayerRules, onlyInput } from './layer.ts';

export interface DropoutLayer {
  readonly kind: 'dropout';
  /** Share of values that are dropped, in [0, 1). */
  readonly rate: number;
}

export const dropoutRules: LayerRules<DropoutLayer> = {
  outputShape: (_, inputs) => onlyInput(inputs),
  apply({ rate }, inputs, context) {
    const x = onlyInput(inputs);
    return context.training && rate > 0 ? tf.mul(x, dropoutMask(x.shape, rate, context.seed())) : x;
  },
};

/** Zeros, and 1 / (1 - rate) where a value is kept: drawn on the host, so the same on every backend. */
function dropoutMask(shape: number[], rate: number, seed: number): tf.Tensor {
  const mask = new Float32Array(tf.util.sizeFromShape(shape));
  const random = new SmallFastCounting(seed, 'dropout');
  const keep = 1 / (1 - rate);
  const threshold = rate * 0x1_0000_0000;
  for (let i = 0; i < mask.length; i++) {
    mask[i] = random.uint32() < threshold ? 0 : keep;
  }
  return tf.tensor(mask, shape);
}
