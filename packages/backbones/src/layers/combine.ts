/** Layers that join two or more inputs: sums, products, quotients, and channels side by side. */
import * as tf from '@tensorflow/tfjs-core';
import { BackbonesError } from '../backbones-error.ts';
import { bothInputs, channelsOf, type LayerRules, type Shape } from './layer.ts';

/** Value by value; a side of length 1 serves for all. */
export type ArithmeticLayer = {
  readonly [K in keyof typeof OPERATIONS]: { readonly kind: K };
}[keyof typeof OPERATIONS];

const OPERATIONS = { add: tf.add, multiply: tf.mul, divide: tf.div } as const;

export const arithmeticRules: LayerRules<ArithmeticLayer> = {
  outputShape: (_, inputs) => broadcastShape(...bothInputs(inputs)),
  apply: ({ kind }, inputs) => OPERATIONS[kind](...(bothInputs(inputs) as [tf.Tensor, tf.Tensor])),
};

function broadcastShape(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [p, q] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    if (p !== q && p !== 1 && q !== 1) {
      throw new BackbonesError('invalid-graph', `inputs of shapes [${a}] and [${b}] do not fit together`);
    }
    return p === 1 ? q : p;
  });
}

/** Channels of all inputs, one after another. */
export interface ConcatenateLayer {
  readonly kind: 'concatenate';
}

export const concatenateRules: LayerRules<ConcatenateLayer> = {
  outputShape(_, inputs) {
    const place = inputs[0]?.slice(0, -1) ?? [];
    if (inputs.length === 0 || inputs.some((shape) => shape.slice(0, -1).join() !== place.join())) {
      throw new BackbonesError(
        'invalid-graph',
        `only inputs of the same height and width can be joined, found ${inputs.map((shape) => `[${shape}]`).join(', ')}`,
      );
    }
    return [...place, inputs.reduce((sum, shape) => sum + channelsOf(shape), 0)];
  },
  apply: (_, inputs) => tf.concat([...inputs], -1),
};
