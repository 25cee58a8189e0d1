/** Functions of each value that learn nothing. */
import * as tf from '@tensorflow/tfjs-core';
import { type LayerRules, onlyInput } from './layer.ts';

/** MXNet's default of `leaky`. */
export const LEAKY_SLOPE = 0.25;

/** Names are MXNet's where it has one. */
export const ACTIVATIONS = {
  relu: tf.relu,
  /** A rectifier that stays at 6. Not an `act_type` of MXNet's: there it is `clip` from 0 to 6. */
  relu6: tf.relu6,
  sigmoid: tf.sigmoid,
  tanh: tf.tanh,
  softrelu: tf.softplus,
  softsign: (x: tf.Tensor) => tf.div(x, tf.add(tf.abs(x), 1)),
  /** tfjs has it with a slope of 1 only. */
  elu: (x: tf.Tensor, slope = 1) =>
    slope === 1 ? tf.elu(x) : tf.add(tf.relu(x), tf.mul(tf.elu(tf.minimum(x, 0)), slope)),
  selu: tf.selu,
  leaky: (x: tf.Tensor, slope = LEAKY_SLOPE) => tf.leakyRelu(x, slope),
} as const satisfies Record<string, (x: tf.Tensor, slope?: number) => tf.Tensor>;

export type ActivationFunction = keyof typeof ACTIVATIONS;

export interface ActivationLayer {
  readonly kind: 'activation';
  readonly function: ActivationFunction;
  /** For negative values, of `leaky` (default 1/4, MXNet's) and `elu` (default 1); the others have none. */
  readonly slope?: number;
}

export const activationRules: LayerRules<ActivationLayer> = {
  outputShape: (_, inputs) => onlyInput(inputs),
  apply(layer, inputs) {
    const compute: (x: tf.Tensor, slope?: number) => tf.Tensor = ACTIVATIONS[layer.function];
    return compute(onlyInput(inputs), layer.slope);
  },
};
