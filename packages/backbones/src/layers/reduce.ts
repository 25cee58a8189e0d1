/**
 * The small steps of the norm-aware pooling head (GNAP): norms over channels, their mean, and back to all channels.
 *
 * The mean over everything includes the batch, in inference too: this is the reference's behaviour, and means that an
 * embedding depends on what else is in the batch.
 */
import * as tf from '@tensorflow/tfjs-core';
import { channelsOf, type LayerRules, onlyInput } from './layer.ts';

export interface SumChannelsLayer {
  readonly kind: 'sum-channels';
}

export const sumChannelsRules: LayerRules<SumChannelsLayer> = {
  outputShape: (_, inputs) => [...onlyInput(inputs).slice(0, -1), 1],
  apply: (_, inputs) => tf.sum(onlyInput(inputs), -1, true),
};

export interface SquareRootLayer {
  readonly kind: 'square-root';
}

export const squareRootRules: LayerRules<SquareRootLayer> = {
  outputShape: (_, inputs) => onlyInput(inputs),
  apply: (_, inputs) => tf.sqrt(onlyInput(inputs)),
};

export interface MeanOfBatchLayer {
  readonly kind: 'mean-of-batch';
}

export const meanOfBatchRules: LayerRules<MeanOfBatchLayer> = {
  outputShape: () => [],
  apply: (_, inputs) => tf.mean(onlyInput(inputs)),
};

export interface RepeatChannelsLayer {
  readonly kind: 'repeat-channels';
  readonly times: number;
}

export const repeatChannelsRules: LayerRules<RepeatChannelsLayer> = {
  outputShape({ times }, inputs) {
    const shape = onlyInput(inputs);
    return [...shape.slice(0, -1), channelsOf(shape) * times];
  },
  apply({ times }, inputs) {
    const x = onlyInput(inputs);
    return tf.tile(x, [...x.shape.slice(0, -1).map(() => 1), times]);
  },
};
