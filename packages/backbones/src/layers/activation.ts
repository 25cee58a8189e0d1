/** Functions of each value that learn nothing. */
import * as tf from '@tensorflow/tfjs-core';
import { type LayerRules, onlyInput } from './layer.ts';

/** Names are MXNet's where it has one. */
export const ACTIVATIONS = {
  relu: tf.relu,
  /** A rectifier that stays at 6. Not an `act_type` of MXNet's: there it is `clip` from 0 to 6. */
  relu6: tf.relu6,
  sigmoid: tf.sigmoid,
  tanh: tf.tanh,
  softrelu: tf.softplus,
  softsign: (x: tf.Tensor) => tf.div(x, tf.add(tf.abs(x), 1)),
  elu: tf.elu,
  selu: tf.selu,
  /** Slope 1/4 for negative values. */
  leaky: (x: tf.Tensor) => tf.leakyRelu(x, 0.25),
} as const satisfies Record<string, (x: tf.Tensor) => tf.Tensor>;

export type ActivationFunction = keyof typeof ACTIVATIONS;

export interface ActivationLayer {
  readonly kind: 'activation';
  readonly function: ActivationFunction;
}

export const activationRules: LayerRules<ActivationLayer> = {
  outputShape: (_, inputs) => onlyInput(inputs),
  apply: (layer, inputs) => ACTIVATIONS[layer.function](onlyInput(inputs)),
};
