/**
 * Batch normalisation, with a PReLU behind it if a slope is given, as one operation with a gradient of its own.
 *
 * Written with ordinary operations, the training step of a face network spends more time here than in its convolutions:
 * the statistics and their gradients are a dozen passes over the activations. So the backend is asked for two fused
 * kernels, and where it has none the same formulas are composed by hand, which is still far less work than deriving the
 * gradient step by step.
 *
 * | kernel | inputs | attributes | outputs |
 * |---|---|---|---|
 * | `BatchNormTraining` | x, scale, offset, slope? | epsilon | y, mean, variance |
 * | `BatchNormTrainingGrad` | dy, x, scale, offset, mean, variance, slope? | epsilon | dx, dscale, doffset, dslope? |
 *
 * x is `[N, H, W, C]` or `[N, C]`, everything per channel is `[C]`, all float32. The variance is the biased one. y is
 * `(x - mean) / sqrt(variance + epsilon) * scale + offset`, and with a slope, `slope * y` where that is negative.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type Gather, synchronisedBatchNorm } from './synchronised-batch-norm.ts';

const TRAINING_KERNEL = 'BatchNormTraining';
const GRADIENT_KERNEL = 'BatchNormTrainingGrad';

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
      ? { ...batchNormTraining(x, scale, beta, slope, epsilon), count: x.size / mean.size }
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

interface TrainingResult {
  readonly y: tf.Tensor;
  readonly mean: tf.Tensor1D;
  readonly variance: tf.Tensor1D;
}

/** The statistics of the result are kept: disposing of them is the caller's. */
function batchNormTraining(
  x: tf.Tensor,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  slope: tf.Tensor1D | undefined,
  epsilon: number,
): TrainingResult {
  let statistics: Omit<TrainingResult, 'y'> | undefined;
  const inputs = slope === undefined ? [x, scale, offset] : [x, scale, offset, slope];
  const operation = tf.customGrad((...args) => {
    const save = args.at(-1) as unknown as (tensors: tf.Tensor[]) => void;
    const [tensor, gamma, beta, alpha] = args.slice(0, inputs.length) as [
      tf.Tensor,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.Tensor1D?,
    ];
    const { y, mean, variance } = forward(tensor, gamma, beta, alpha, epsilon);
    // A custom gradient returns one tensor; the statistics leave by the side door.
    statistics = { mean: tf.keep(mean), variance: tf.keep(variance) };
    save([tensor, gamma, beta, mean, variance, ...(alpha === undefined ? [] : [alpha])]);
    return {
      value: y,
      gradFunc: (dy, saved) => backward(dy, saved as Saved, epsilon),
    };
  });
  const y = operation(...inputs);
  return { y, ...statistics! };
}

type Saved = [tf.Tensor, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D?];

function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}

/** All axes but the last. */
function axesButChannels(x: tf.Tensor): number[] {
  return x.shape.slice(0, -1).map((_, axis) => axis);
}

function forward(
  x: tf.Tensor,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  slope: tf.Tensor1D | undefined,
  epsilon: number,
): TrainingResult {
  if (hasKernel(TRAINING_KERNEL)) {
    const [y, mean, variance] = tf
      .engine()
      .runKernel(
        TRAINING_KERNEL,
        { x, scale, offset, ...(slope === undefined ? {} : { slope }) },
        { epsilon },
      ) as tf.Tensor[];
    return { y: y!, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
  }
  const axes = axesButChannels(x);
  const mean = tf.mean(x, axes) as tf.Tensor1D;
  const centred = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred), axes) as tf.Tensor1D;
  const factor = tf.mul(scale, tf.rsqrt(tf.add(variance, epsilon)));
  const normalised = tf.add(tf.mul(centred, factor), offset);
  return { y: slope === undefined ? normalised : tf.prelu(normalised, slope), mean, variance };
}

function backward(dy: tf.Tensor, saved: Saved, epsilon: number): tf.Tensor[] {
  const [x, scale, offset, mean, variance, slope] = saved;
  if (hasKernel(GRADIENT_KERNEL)) {
    return tf
      .engine()
      .runKernel(
        GRADIENT_KERNEL,
        { dy, x, scale, offset, mean, variance, ...(slope === undefined ? {} : { slope }) },
        { epsilon },
      ) as tf.Tensor[];
  }
  const axes = axesButChannels(x);
  const count = x.size / mean.size;
  const inverseDeviation = tf.rsqrt(tf.add(variance, epsilon));
  const normalised = tf.mul(tf.sub(x, mean), inverseDeviation);
  let dz = dy;
  const dslope: tf.Tensor[] = [];
  if (slope !== undefined) {
    const z = tf.add(tf.mul(normalised, scale), offset);
    dz = tf.where(tf.greater(z, 0), dy, tf.mul(dy, slope));
    dslope.push(tf.sum(tf.mul(dy, tf.minimum(z, 0)), axes));
  }
  const doffset = tf.sum(dz, axes);
  const dscale = tf.sum(tf.mul(dz, normalised), axes);
  const perValue = tf.sub(dz, tf.add(tf.div(doffset, count), tf.mul(normalised, tf.div(dscale, count))));
  const dx = tf.mul(perValue, tf.mul(scale, inverseDeviation));
  return [dx, dscale, doffset, ...dslope];
}
