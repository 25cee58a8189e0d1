/**
 * Sub-center ArcFace as two operations with hand-written gradients.
 *
 *   one cosine a class                                            [B, C]    (class-scores.ts)
 *   -> margin on the target, times s, softmax cross-entropy       [B]       (tfjs-training-kernels)
 *   -> mean over the batch
 *
 * Writing the gradients by hand buys three things: they go to exactly one sub-centre on a tie, they are finite at cos = +-1,
 * and they need a fraction of the kernels that differentiating op by op would run.
 */
import * as tf from '@tensorflow/tfjs-core';
import { marginSoftmax } from 'tfjs-training-kernels';
import { classCosines } from './class-scores.ts';
import { checkLabels, checkLossShapes, checkSampleWeights } from './input-checks.ts';
import { type LossSettings, resolveLossSettings } from './loss-settings.ts';
import { targetMargin } from './target-margin.ts';

export interface MarginSoftmaxOptions extends LossSettings {
  /** Sub-centres per class, K. Default 1. */
  readonly subcenters?: number;
  /** The scale as a tensor, in the place of `margin.s`: the loss is then differentiable in it, too. */
  readonly scale?: tf.Scalar | undefined;
  /** What each image's loss is multiplied with before the mean over the batch is taken, [B], 0 to 1e6. Default: 1. */
  readonly sampleWeights?: ArrayLike<number> | undefined;
}

/** A learned scale is kept within these bounds, those of `margin.s`. */
export const SCALE_BOUNDS = [1e-6, 1e6] as const;

/**
 * The margin softmax loss with sub-centres: Deng et al., "Sub-center ArcFace", ECCV 2020, equation 3.
 *
 * Differentiable in `embeddings`, `weights` and `options.scale`. Finite in value and gradient for every finite input.
 *
 * @param embeddings [B, D] float32, not normalised.
 * @param weights [C * K, D] float32, class-major (`row = class * K + k`), not normalised.
 * @param labels B classes, each in 0..C-1.
 * @returns Mean cross-entropy over the batch, a scalar.
 * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`, `invalid-option`, `label-out-of-range`.
 */
export function marginSoftmaxLoss(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: ArrayLike<number>,
  options: MarginSoftmaxOptions = {},
): tf.Scalar {
  const { subcenters = 1, sampleWeights } = options;
  const { batch, classes } = checkLossShapes(embeddings, weights, subcenters);
  checkLabels(labels, batch, classes);
  if (sampleWeights) checkSampleWeights(sampleWeights, batch);
  const settings = resolveLossSettings(options, classes);

  return tf.tidy(() => {
    const cosines = classCosines(embeddings, weights, subcenters);
    const scale = options.scale ? withinBounds(options.scale) : settings.margin.s;
    const shares = sampleWeights && Float32Array.from(sampleWeights, (weight) => weight / batch);
    return marginSoftmax(
      { cosines, labels, scale, weights: shares },
      { margin: targetMargin(settings, labels), excludeAbove: settings.interClassFilter },
    );
  });
}

/** The scale within its bounds; beyond them it keeps its gradient, so that it can come back. */
function withinBounds(scale: tf.Scalar): tf.Scalar {
  const operation = tf.customGrad<tf.Scalar>((x) => ({
    value: tf.clipByValue(x as tf.Scalar, ...SCALE_BOUNDS),
    gradFunc: (dy: tf.Scalar) => dy,
  }));
  return operation(scale);
}
