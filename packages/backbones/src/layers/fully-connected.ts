/** A matrix over everything of an image, flattened as the reference does it: the weight is `[out, C * H * W]`. */
import * as tf from '@tensorflow/tfjs-core';
import { flattened } from './flatten.ts';
import { type LayerRules, onlyInput, type ParameterRule } from './layer.ts';

export interface FullyConnectedLayer {
  readonly kind: 'fully-connected';
  /** Number of output channels. */
  readonly outputs: number;
  readonly bias: boolean;
}

export const fullyConnectedRules: LayerRules<FullyConnectedLayer> = {
  outputShape: ({ outputs }) => [outputs],

  parameters({ outputs, bias: hasBias }, inputs) {
    const size = onlyInput(inputs).reduce((product, side) => product * side, 1);
    const weight: ParameterRule = {
      slot: 'weight',
      kind: 'weight',
      role: 'argument',
      shape: [outputs, size],
      layout: 'same',
      fixed: false,
    };
    return hasBias ? [weight, { ...weight, slot: 'bias', kind: 'bias', shape: [outputs] }] : [weight];
  },

  flops: ({ outputs }, inputs) =>
    2 * outputs * onlyInput(inputs).reduce((product, side) => product * side, 1),

  apply({ bias }, inputs, context) {
    const x = flattened(onlyInput(inputs));
    const y = tf.matMul(x, context.parameter('weight') as tf.Tensor2D, false, true);
    return bias ? tf.add(y, context.parameter('bias')) : y;
  },
};
