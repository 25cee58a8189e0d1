/**
 * Softmax cross-entropy of scaled cosines with an angular margin on each row's own class (its target): one operation with
 * a gradient of its own, which is finite at cosines of 1 and -1 (see angular-margin.ts).
 *
 * | kernel | inputs | attributes | outputs |
 * |---|---|---|---|
 * | `MarginSoftmax` | cosines [B, C], labels [B] int32, scale [] | m1, m2, m3, upTo?, drop?, excludeAbove? | loss [B] |
 * | `MarginSoftmaxGrad` | dy [B], cosines, labels, scale | the same | dcosines [B, C], dscale [] |
 *
 * m2, upTo and drop are a number, or a list of B.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type AngularMargin, angularMargin } from './angular-margin.ts';
import { isDifferentiatedTwice } from './higher-order.ts';
import { isOwnClass } from './own-class.ts';
import { hasKernel, runKernel } from './registered-kernel.ts';

const KERNEL = 'MarginSoftmax';
const GRADIENT_KERNEL = 'MarginSoftmaxGrad';

export interface MarginSoftmaxInput {
  /** [B, C] float32: of each row to each class. */
  readonly cosines: tf.Tensor2D;
  /** B classes, each in 0..C-1: nothing checks that. */
  readonly labels: ArrayLike<number>;
  /** What every logit is multiplied with. The loss is differentiable in it where it is a tensor. */
  readonly scale: tf.Scalar | number;
  /** What each row's loss counts for in the sum over rows, B numbers. Default 1 / B each: the mean. */
  readonly weights?: ArrayLike<number> | undefined;
}

export interface MarginSoftmaxOptions {
  readonly margin: AngularMargin;
  /** Classes other than a row's own whose cosine is above this leave its softmax. Default: none leaves. */
  readonly excludeAbove?: number | undefined;
}

/** What a logit is set to that leaves a softmax: its exponential is then exactly zero. */
const OUT_OF_SOFTMAX = -1e9;

/**
 * The sum over rows of weight * -log softmax(scale * g)[label], where g is f(cosine) at the label (see {@link AngularMargin}) and the
 * cosine elsewhere. Differentiable in `cosines`, and in `scale` where it is a tensor; needs none of tfjs-core's gradients.
 *
 * @returns A scalar.
 */
export function marginSoftmax(
  { cosines, labels, scale, weights }: MarginSoftmaxInput,
  options: MarginSoftmaxOptions,
): tf.Scalar {
  const compute = hasKernel(KERNEL) && hasKernel(GRADIENT_KERNEL) ? onKernels : composed;
  const inputs = typeof scale === 'number' ? [cosines] : [cosines, scale];
  const rows = labels.length;
  const operation = tf.customGrad<tf.Scalar>((...args) => {
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    const s = typeof scale === 'number' ? tf.scalar(scale) : (args[1] as tf.Scalar);
    const shares = tf.tensor1d(weights ? Float32Array.from(weights) : new Float32Array(rows).fill(1 / rows));
    const isTwice = isDifferentiatedTwice();
    const { losses, gradients } = compute(args[0] as tf.Tensor2D, s, labels, options, (tensors) =>
      save([shares, ...(isTwice ? [args[0] as tf.Tensor2D, s] : tensors)]),
    );
    return {
      value: tf.sum(tf.mul(losses, shares)),
      gradFunc: (upstream: tf.Scalar, saved) => {
        const [share, ...others] = saved as [tf.Tensor1D, ...tf.Tensor[]];
        const dy: tf.Tensor1D = tf.mul(share, upstream);
        if (!isTwice) return gradients(dy, others, inputs.length > 1);
        const [x, factor] = others as [tf.Tensor2D, tf.Scalar];
        const made: tf.Tensor[] = [];
        const again = composed(x, factor, labels, options, (tensors) => made.push(...tensors));
        return again.gradients(dy, made, inputs.length > 1);
      },
    };
  });
  return operation(...inputs);
}

interface RowLosses {
  /** [B] */
  readonly losses: tf.Tensor1D;
  /** In the cosines and, if asked for, the scale. `dy` is [B]. */
  readonly gradients: (dy: tf.Tensor1D, saved: tf.Tensor[], inScale: boolean) => tf.Tensor[];
}

function onKernels(
  cosines: tf.Tensor2D,
  scale: tf.Scalar,
  labels: ArrayLike<number>,
  { margin, excludeAbove }: MarginSoftmaxOptions,
  save: tf.GradSaveFunc,
): RowLosses {
  const { line, ...angle } = margin;
  const attributes = { ...angle, ...line, ...(excludeAbove === undefined ? {} : { excludeAbove }) };
  const classes = tf.tensor1d(Int32Array.from(labels), 'int32');
  save([cosines, classes, scale]);
  return {
    losses: tf.engine().runKernel(KERNEL, { cosines, labels: classes, scale }, attributes) as tf.Tensor1D,
    gradients: (dy, saved, inScale) => {
      const [x, own, s] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      const gradients = runKernel(GRADIENT_KERNEL, { dy, cosines: x, labels: own, scale: s }, attributes);
      return inScale ? gradients : gradients.slice(0, 1);
    },
  };
}

function composed(
  cosines: tf.Tensor2D,
  scale: tf.Scalar,
  labels: ArrayLike<number>,
  { margin, excludeAbove }: MarginSoftmaxOptions,
  save: tf.GradSaveFunc,
): RowLosses {
  const isOwn = isOwnClass(labels, cosines.shape[1]);
  const own = tf.cast<tf.Tensor2D>(isOwn, 'float32');
  const cosine: tf.Tensor2D = tf.sum(tf.mul(cosines, own), 1, true);
  const target = angularMargin(cosine, margin);
  const withMargin = tf.add<tf.Tensor2D>(cosines, tf.mul(own, tf.sub(target.value, cosine)));
  let logits: tf.Tensor2D = tf.mul(withMargin, scale);
  if (excludeAbove !== undefined) {
    const leaves = tf.logicalAnd(tf.greater(cosines, tf.scalar(excludeAbove)), tf.logicalNot(isOwn));
    logits = tf.where(leaves, tf.fill(logits.shape, OUT_OF_SOFTMAX), logits);
  }
  const logProbability = tf.logSoftmax(logits);
  const ofTarget: tf.Tensor2D = tf.sum(tf.mul(logProbability, own), 1, true);
  save([own, logProbability, ofTarget, target.slope, withMargin, scale]);
  return {
    losses: tf.neg(tf.reshape(ofTarget, [labels.length])),
    gradients: (dy, saved, inScale) => {
      const [mask, logP, targetLogP, slope, scored, s] = saved as tf.Tensor2D[];
      const perRow = tf.reshape(dy, [labels.length, 1]);
      const perLogit = tf.mul(perRow, s!);
      // d loss / d (logit / scale): softmax, and on the target (softmax - 1) times the slope of the margin.
      const probability = tf.exp(logP!);
      const targetP = tf.exp(targetLogP!);
      const onTarget = tf.mul(perLogit, tf.sub(tf.mul(tf.sub(targetP, 1), slope!), targetP));
      const dCosines = tf.add(tf.mul(probability, perLogit), tf.mul(mask!, onTarget));
      if (!inScale) return [dCosines];
      return [dCosines, tf.sum(tf.mul(tf.mul(tf.sub(probability, mask!), scored!), perRow))];
    },
  };
}
