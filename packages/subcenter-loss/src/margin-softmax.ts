import * as tf from '@tensorflow/tfjs-core';
import { scoreClasses, scoreGradients } from './class-scores.ts';
import { imageShares } from './image-shares.ts';
import { checkLabels, checkLossShapes, checkSampleWeights } from './input-checks.ts';
import { type LossSettings, m2PerImage, resolveLossSettings } from './loss-settings.ts';
import { isOwnClass, withoutLogits } from './selection-masks.ts';
import { targetMargin } from './target-margin.ts';
import { measureRows, throughUnitRows } from './unit-rows.ts';

/*
 * Sub-center ArcFace as one operation with a hand-written gradient.
 *
 *   one cosine a class                   [B, C]          (class-scores.ts)
 *   -> margin on the target, times s     [B, C]
 *   -> softmax cross-entropy, mean over the batch
 *
 * Writing the gradient by hand buys three things: it goes to exactly one sub-centre on a tie, it is finite at cos = +-1
 * (see target-margin.ts), and it needs a fraction of the kernels that differentiating op by op would run.
 */

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
  const { margin, pastPi, interClassFilter } = settings;

  const operation = tf.customGrad<tf.Scalar>((...args) => {
    const [embedding, weight, scale, save] = args as [tf.Tensor2D, tf.Tensor2D, tf.Scalar, tf.GradSaveFunc];
    const x = measureRows(embedding);
    const unitX: tf.Tensor2D = tf.mul(x.rows, x.inverseNorm);
    const { rows, inverseNorm, cosines, perClass } = scoreClasses(unitX, weight, subcenters);

    const isOwn = isOwnClass(labels, classes);
    const own = tf.cast<tf.Tensor2D>(isOwn, 'float32');
    const targetCosine: tf.Tensor2D = tf.sum(tf.mul(perClass, own), 1, true);
    const target = targetMargin(targetCosine, { margin, pastPi, m2PerImage: m2PerImage(settings, labels) });

    const s = tf.clipByValue(scale, ...SCALE_BOUNDS);
    const withMargin = tf.add<tf.Tensor2D>(perClass, tf.mul(own, tf.sub(target.value, targetCosine)));
    let logits: tf.Tensor2D = tf.mul(withMargin, s);
    if (interClassFilter !== undefined) {
      const suspect = tf.greater(perClass, tf.scalar(interClassFilter));
      logits = withoutLogits(logits, tf.logicalAnd(suspect, tf.logicalNot(isOwn)));
    }
    const logProbability = tf.logSoftmax(logits);
    const targetLogProbability: tf.Tensor2D = tf.sum(tf.mul(logProbability, own), 1, true);
    const shares = imageShares(batch, sampleWeights);
    const loss: tf.Scalar = tf.neg(tf.sum(tf.mul(targetLogProbability, shares)));

    const forImages = [unitX, x.inverseNorm, target.slope, targetLogProbability, shares];
    const forClasses = [rows, inverseNorm, cosines, own, logProbability];
    save([...forImages, ...forClasses, s, ...(options.scale ? [withMargin] : [])]);

    const gradFunc = (upstream: tf.Scalar, saved: tf.Tensor[]): tf.Tensor[] => {
      const [unit, inverseX, slope, targetLogP, share] = saved.slice(0, 5) as tf.Tensor2D[];
      const [weightRows, inverseW, cosine, mask, logP] = saved.slice(5, 10) as tf.Tensor2D[];
      const [factor, scored] = saved.slice(10) as tf.Tensor2D[];
      // d loss / d (unscaled logit): softmax, and on the target (softmax - 1) times the slope of the margin.
      const perImage = tf.mul<tf.Tensor2D>(share!, upstream);
      const perLogit = tf.mul<tf.Tensor2D>(perImage, factor!);
      const probability = tf.exp(logP!);
      const targetP = tf.exp(targetLogP!);
      const onTarget = tf.mul(perLogit, tf.sub(tf.mul(tf.sub(targetP, 1), slope!), targetP));
      const dPerClass = tf.add<tf.Tensor2D>(tf.mul(probability, perLogit), tf.mul(mask!, onTarget));
      const { dUnit, dWeights } = scoreGradients(
        dPerClass,
        unit!,
        { rows: weightRows!, inverseNorm: inverseW!, cosines: cosine! },
        subcenters,
      );
      const dScale = options.scale
        ? tf.sum(tf.mul(tf.mul(tf.sub(probability, mask!), scored!), perImage))
        : tf.scalar(0);
      return [throughUnitRows(dUnit, unit!, inverseX!), dWeights, dScale];
    };
    return { value: loss, gradFunc };
  });
  return tf.tidy(() => operation(embeddings, weights, options.scale ?? tf.scalar(margin.s)));
}
