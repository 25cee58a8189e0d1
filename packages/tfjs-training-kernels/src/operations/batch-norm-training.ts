/**
 * Batch normalisation in training, with a PReLU behind it if a slope is given, as one operation with a gradient of its own.
 *
 * Written with ordinary operations, the training step of a convolutional network spends more time here than in its
 * convolutions: the statistics and their gradients are a dozen passes over the activations. Where the backend has no
 * kernel the same formulas are composed by hand, which is still far less work than deriving the gradient step by step.
 *
 * | kernel | inputs | attributes | outputs |
 * |---|---|---|---|
 * | `BatchNormTraining` | x, scale, offset, slope? | epsilon | y, mean, variance |
 * | `BatchNormTrainingGrad` | dy, x, scale, offset, mean, variance, slope? | epsilon | dx, dscale, doffset, dslope? |
 */
import * as tf from '@tensorflow/tfjs-core';
import { isDifferentiatedTwice } from './higher-order.ts';
import { hasKernel, runKernel } from './registered-kernel.ts';

const TRAINING_KERNEL = 'BatchNormTraining';
const GRADIENT_KERNEL = 'BatchNormTrainingGrad';

/** What {@link batchNormTraining} is computed from. All float32. */
export interface BatchNormTrainingInput {
  /** [N, H, W, C] or [N, C] */
  readonly x: tf.Tensor;
  /** [C], what the normalised values are multiplied with. */
  readonly scale: tf.Tensor1D;
  /** [C], what is added then. */
  readonly offset: tf.Tensor1D;
  /** [C], slopes of a PReLU over the result. Default: none. */
  readonly slope?: tf.Tensor1D | undefined;
}

export interface BatchNormTrainingResult {
  /** Of the shape of x. */
  readonly y: tf.Tensor;
  /** [C]: of the batch. */
  readonly mean: tf.Tensor1D;
  /** [C]: of the batch, the biased one. */
  readonly variance: tf.Tensor1D;
}

/**
 * Normalises each channel by the batch's own statistics: y = (x - mean) / sqrt(variance + epsilon) * scale + offset, and
 * with a slope, slope * y where that is negative. Differentiable in all inputs, through the statistics too.
 *
 * The statistics are kept (`tf.keep`), whatever tidy surrounds the call: disposing of them is the caller's.
 *
 * (Ioffe and Szegedy, _Batch Normalization_, 2015.)
 */
export function batchNormTraining(
  { x, scale, offset, slope }: BatchNormTrainingInput,
  { epsilon }: { readonly epsilon: number },
): BatchNormTrainingResult {
  let statistics: Omit<BatchNormTrainingResult, 'y'> | undefined;
  const inputs = slope === undefined ? [x, scale, offset] : [x, scale, offset, slope];
  const operation = tf.customGrad((...args) => {
    const save = args.at(-1) as unknown as (tensors: tf.Tensor[]) => void;
    const [tensor, gamma, beta, alpha] = args.slice(0, inputs.length) as [
      tf.Tensor,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.Tensor1D?,
    ];
    const { y, mean, variance } = forward({ x: tensor, scale: gamma, offset: beta, slope: alpha }, epsilon);
    // A custom gradient returns one tensor; the statistics leave by the side door.
    statistics = { mean: tf.keep(mean), variance: tf.keep(variance) };
    save([tensor, gamma, beta, mean, variance, ...(alpha === undefined ? [] : [alpha])]);
    const rule = isDifferentiatedTwice() ? differentiable : backward;
    return { value: y, gradFunc: (dy, saved) => rule(dy, saved as Saved, epsilon) };
  });
  const y = operation(...inputs);
  return { y, ...statistics! };
}

type Saved = [tf.Tensor, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D?];

/** All axes but the last. */
function axesButChannels(x: tf.Tensor): number[] {
  return x.shape.slice(0, -1).map((_, axis) => axis);
}

function forward(
  { x, scale, offset, slope }: BatchNormTrainingInput,
  epsilon: number,
): BatchNormTrainingResult {
  if (hasKernel(TRAINING_KERNEL)) {
    const inputs = { x, scale, offset, ...(slope === undefined ? {} : { slope }) };
    const [y, mean, variance] = runKernel(TRAINING_KERNEL, inputs, { epsilon });
    return { y: y!, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
  }
  const { mean, variance, centred } = statisticsOf(x);
  const factor = tf.mul(scale, tf.rsqrt(tf.add(variance, epsilon)));
  const normalised = tf.add(tf.mul(centred, factor), offset);
  return { y: slope === undefined ? normalised : tf.prelu(normalised, slope), mean, variance };
}

function statisticsOf(x: tf.Tensor) {
  const axes = axesButChannels(x);
  const mean = tf.mean(x, axes) as tf.Tensor1D;
  const centred = tf.sub(x, mean);
  return { mean, centred, variance: tf.mean(tf.square(centred), axes) as tf.Tensor1D };
}

function backward(dy: tf.Tensor, saved: Saved, epsilon: number): tf.Tensor[] {
  const [x, scale, offset, mean, variance, slope] = saved;
  if (hasKernel(GRADIENT_KERNEL)) {
    const inputs = { dy, x, scale, offset, mean, variance, ...(slope === undefined ? {} : { slope }) };
    return runKernel(GRADIENT_KERNEL, inputs, { epsilon });
  }
  return composed(dy, saved, { mean, variance }, epsilon, selected);
}

/** Of operations that have gradients, and with the statistics as what they are of x. */
function differentiable(dy: tf.Tensor, saved: Saved, epsilon: number): tf.Tensor[] {
  return composed(dy, saved, statisticsOf(saved[0]), epsilon, weighted);
}

function composed(
  dy: tf.Tensor,
  [x, scale, offset, , , slope]: Saved,
  { mean, variance }: Pick<BatchNormTrainingResult, 'mean' | 'variance'>,
  epsilon: number,
  sloped: typeof selected,
): tf.Tensor[] {
  const axes = axesButChannels(x);
  const count = x.size / mean.size;
  const inverseDeviation = tf.rsqrt(tf.add(variance, epsilon));
  const normalised = tf.mul(tf.sub(x, mean), inverseDeviation);
  let dz = dy;
  const dslope: tf.Tensor[] = [];
  if (slope !== undefined) {
    const z = tf.add(tf.mul(normalised, scale), offset);
    dz = sloped(dy, z, slope);
    dslope.push(tf.sum(tf.mul(dy, tf.minimum(z, 0)), axes));
  }
  const doffset = tf.sum(dz, axes);
  const dscale = tf.sum(tf.mul(dz, normalised), axes);
  const perValue = tf.sub(dz, tf.add(tf.div(doffset, count), tf.mul(normalised, tf.div(dscale, count))));
  const dx = tf.mul(perValue, tf.mul(scale, inverseDeviation));
  return [dx, dscale, doffset, ...dslope];
}

/** The gradient behind a PReLU before it. */
function selected(dy: tf.Tensor, z: tf.Tensor, slope: tf.Tensor): tf.Tensor {
  return tf.where(tf.greater(z, 0), dy, tf.mul(dy, slope));
}

/** The same without a comparison, of which tfjs knows no gradient. */
function weighted(dy: tf.Tensor, z: tf.Tensor, slope: tf.Tensor): tf.Tensor {
  const positive = tf.step(z);
  return tf.mul(dy, tf.add(positive, tf.mul(tf.sub(1, positive), slope)));
}
