/**
 * Batch normalisation over everything but the channels. In training it uses the statistics of the batch and moves the
 * running averages towards them; otherwise it uses the running averages.
 *
 * With `fixGamma` the stored gamma is not used: 1 is. (The reference ends its networks with such a layer; PyTorch's
 * counterparts use what is stored, but don't train it: `frozenGamma`.)
 */
import type * as tf from '@tensorflow/tfjs-core';
import { batchNorm } from '../operations/batch-norm.ts';
import { channelsOf, type LayerContext, type LayerRules, onlyInput, type ParameterRule } from './layer.ts';

export interface BatchNormLayer {
  readonly kind: 'batch-norm';
  /** Added to the variance. */
  readonly epsilon: number;
  /** What the running averages keep of themselves at each step. */
  readonly momentum: number;
  readonly fixGamma: boolean;
  /** Use the running averages in training too. */
  readonly globalStatistics: boolean;
  /** Gamma is used as it is stored, but not trained. Default false. */
  readonly frozenGamma?: boolean;
  /** The running variance averages the unbiased variances of batches, as PyTorch's does. Default false, as MXNet's. */
  readonly unbiasedVariance?: boolean;
}

export const batchNormRules: LayerRules<BatchNormLayer> = {
  outputShape: (_, inputs) => onlyInput(inputs),

  parameters({ fixGamma, frozenGamma = false }, inputs) {
    const rule = (
      slot: 'gamma' | 'beta' | 'mean' | 'variance',
      role: ParameterRule['role'],
    ): ParameterRule => ({
      slot,
      kind: slot,
      role,
      shape: [channelsOf(onlyInput(inputs))],
      layout: 'same',
      fixed: slot === 'gamma' && (fixGamma || frozenGamma),
    });
    return [
      rule('gamma', 'argument'),
      rule('beta', 'argument'),
      rule('mean', 'auxiliary'),
      rule('variance', 'auxiliary'),
    ];
  },

  apply: (layer, inputs, context) => applyBatchNorm(layer, onlyInput(inputs), context),
};

/** The layer, and the PReLU after it if there is one: together they are one operation, and much cheaper. */
export function applyBatchNorm(
  layer: BatchNormLayer,
  x: tf.Tensor,
  context: LayerContext,
  slope?: tf.Tensor1D,
): tf.Tensor {
  return batchNorm(
    x,
    {
      gamma: layer.fixGamma ? undefined : (context.parameter('gamma') as tf.Tensor1D),
      beta: context.parameter('beta') as tf.Tensor1D,
      mean: context.auxiliary('mean') as tf.Variable<tf.Rank.R1>,
      variance: context.auxiliary('variance') as tf.Variable<tf.Rank.R1>,
      slope,
    },
    {
      epsilon: layer.epsilon,
      momentum: layer.momentum,
      training: context.training && !layer.globalStatistics && !context.atAverages,
      updateAverages: context.updateAverages,
      gather: context.gather,
      unbiasedVariance: layer.unbiasedVariance ?? false,
    },
  );
}
