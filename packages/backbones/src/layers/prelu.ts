/** The leaky rectifier with a learned slope for negative values: one slope a channel, or one for all. */
import * as tf from '@tensorflow/tfjs-core';
import { channelsOf, type LayerRules, onlyInput } from './layer.ts';

export interface PReluLayer {
  readonly kind: 'prelu';
  /** One slope for all channels. */
  readonly shared: boolean;
}

export const preluRules: LayerRules<PReluLayer> = {
  outputShape: (_, inputs) => onlyInput(inputs),
  parameters: ({ shared }, inputs) => [
    {
      slot: 'slope',
      kind: 'slope',
      role: 'argument',
      shape: [shared ? 1 : channelsOf(onlyInput(inputs))],
      layout: 'same',
      fixed: false,
    },
  ],
  apply: (_, inputs, context) => tf.prelu(onlyInput(inputs), context.parameter('slope')),
};
