/**
 * Batch normalisation as networks use it: by the batch's own statistics in training, which move running averages, and by those
 * averages otherwise.
 */
import * as tf from '@tensorflow/tfjs-core';
import { batchNormTraining } from 'tfjs-training-kernels';
import { type Gather, synchronisedBatchNorm } from './synchronised-batch-norm.ts';

/** Parameters of {@link batchNorm}, all of shape `[C]`. */
export interface BatchNormParameters {
  /** Scale of the normalised values; 1 if absent. */
  readonly gamma?: tf.Tensor1D | undefined;
  readonly beta: tf.Tensor1D;
  /** Running average of the mean. */
  readonly mean: tf.Variable<tf.Rank.R1>;
  /** Running average of the variance. */
  readonly variance: tf.Variable<tf.Rank.R1>;
  /** Slope of a PReLU over the result; none if absent. */
  readonly slope?: tf.Tensor1D | undefined;
}

/** Options of {@link batchNorm}. */
export interface BatchNormOptions {
  /** Added to the variance. */
  readonly epsilon: number;
  /** Use the batch's statistics and update the running averages; otherwise the running averages are used. */
  readonly training: boolean;
  /** Move the running averages in training. Default true. */
  readonly updateAverages?: boolean;
  /** What the running averages keep of themselves in training. Default 0.9. */
  readonly momentum?: number;
  /**
   * Average the unbiased variances of batches, as PyTorch does, instead of the biased ones, as MXNet does. Either way the
   * batch is normalised by the biased one. Default false.
   */
  readonly unbiasedVariance?: boolean;
  /** Normalise by the statistics of several ranks' batches together. Default: by this one's own. */
  readonly gather?: Gather | undefined;
}

/**
 * Normalises each channel of x, `[N, H, W, C]` or `[N, C]`.
 *
 * In training the gradient flows through the batch's statistics, and `mean` and `variance` are assigned
 * `momentum * old + (1 - momentum) * batch`.
 *
 * (Ioffe and Szegedy, _Batch Normalization_, 2015.)
 */
export function batchNorm(
  x: tf.Tensor,
  parameters: BatchNormParameters,
  options: BatchNormOptions,
): tf.Tensor {
  const { gamma, beta, mean, variance, slope } = parameters;
  const { epsilon, training, updateAverages = true } = options;
  const { momentum = 0.9, unbiasedVariance = false, gather } = options;
  if (!training) {
    const y = tf.batchNorm(x as tf.Tensor4D, mean, variance, beta, gamma, epsilon);
    return slope === undefined ? y : tf.prelu(y, slope);
  }
  const scale = gamma ?? tf.ones<tf.Rank.R1>(beta.shape);
  const batch =
    gather === undefined
      ? { ...batchNormTraining({ x, scale, offset: beta, slope }, { epsilon }), count: x.size / mean.size }
      : synchronisedBatchNorm({ x, scale, offset: beta, slope }, { epsilon, gather });
  if (!updateAverages) {
    tf.dispose([batch.mean, batch.variance]);
    return batch.y;
  }
  const { count } = batch;
  moveTowards(mean, batch.mean, momentum);
  moveTowards(variance, batch.variance, momentum, unbiasedVariance && count > 1 ? count / (count - 1) : 1);
  return batch.y;
}

/** Assigns the average of itself and `factor` times the batch's statistic, and disposes of the latter. */
function moveTowards(
  average: tf.Variable<tf.Rank.R1>,
  batch: tf.Tensor1D,
  momentum: number,
  factor = 1,
): void {
  const updated = tf.tidy(
    () => tf.add(tf.mul(average, momentum), tf.mul(batch, (1 - momentum) * factor)) as tf.Tensor1D,
  );
  average.assign(updated);
  tf.dispose([updated, batch]);
}
