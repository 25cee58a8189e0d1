import * as tf from '@tensorflow/tfjs-core';
import { checkHeadShapes, checkLabelTensor } from './head-shapes.ts';
import { type Margin, resolveMargin } from './margin.ts';
import { classMask, firstWinners } from './selection-masks.ts';
import { targetMargin } from './target-margin.ts';
import { measureRows } from './unit-rows.ts';

/*
 * Sub-center ArcFace as one operation with a hand-written gradient.
 *
 *   unit embeddings x [B, D], sub-centres W [C*K, D]     (row = class * K + k)
 *   cosines to all sub-centres           [B, C*K]
 *   -> the nearest sub-centre of a class [B, C]          (max over K; the first on a tie)
 *   -> margin on the target, times s     [B, C]
 *   -> softmax cross-entropy, mean over the batch
 *
 * Writing the gradient by hand buys three things: it goes to exactly one sub-centre on a tie, it is finite at cos = +-1
 * (see target-margin.ts), and it needs a fraction of the kernels that differentiating op by op would run. The rows of W
 * are never divided by their norms: the [B, C*K] products are, which is less work for usual batches.
 */

export interface MarginSoftmaxOptions {
  /** Sub-centres per class, K. Default 1. */
  readonly subcenters?: number;
  /** Default: ArcFace's (m1 1, m2 .5, m3 0, s 64). */
  readonly margin?: Partial<Margin>;
}

/**
 * The margin softmax loss with sub-centres: Deng et al., "Sub-center ArcFace", ECCV 2020, equation 3.
 *
 * Differentiable in `embeddings` and `weights`. Finite in value and gradient for every finite input.
 *
 * @param embeddings [B, D] float32, not normalised.
 * @param weights [C * K, D] float32, class-major (`row = class * K + k`), not normalised.
 * @param labels [B] int32, each in 0..C-1. They live on the device and are not checked here: see `checkLabels`.
 * @returns Mean cross-entropy over the batch, a scalar.
 * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`, `invalid-option`.
 */
export function marginSoftmaxLoss(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: tf.Tensor1D,
  options: MarginSoftmaxOptions = {},
): tf.Scalar {
  const subcenters = options.subcenters ?? 1;
  const margin = resolveMargin(options.margin);
  const { batch, classes } = checkHeadShapes(embeddings, weights, subcenters);
  checkLabelTensor(labels, batch);

  const operation = tf.customGrad<tf.Scalar>((...args) => {
    const [embedding, weight, save] = args as [tf.Tensor2D, tf.Tensor2D, tf.GradSaveFunc];
    const x = measureRows(embedding);
    const unitX = tf.mul(x.rows, x.inverseNorm);
    const w = measureRows(weight);
    const inverseNormW = tf.reshape(w.inverseNorm, [1, classes * subcenters]);
    const cosines = tf.mul<tf.Tensor2D>(tf.matMul(unitX, w.rows, false, true), inverseNormW);

    const target = classMask(labels, classes);
    const perSubcenter = tf.reshape<tf.Rank.R3>(cosines, [batch, classes, subcenters]);
    const perClass = subcenters === 1 ? cosines : tf.max<tf.Tensor2D>(perSubcenter, 2);
    const targetCosine: tf.Tensor2D = tf.sum(tf.mul(perClass, target), 1, true);
    const { value, slope } = targetMargin(targetCosine, margin);

    const logits = tf.mul(tf.add(perClass, tf.mul(target, tf.sub(value, targetCosine))), tf.scalar(margin.s));
    const logProbability = tf.logSoftmax(logits);
    const targetLogProbability: tf.Tensor2D = tf.sum(tf.mul(logProbability, target), 1, true);
    const loss: tf.Scalar = tf.neg(tf.mean(targetLogProbability));

    const winners = subcenters === 1 ? target : firstWinners(perSubcenter);
    save([
      unitX,
      x.inverseNorm,
      w.rows,
      inverseNormW,
      cosines,
      target,
      slope,
      logProbability,
      targetLogProbability,
      winners,
    ]);

    const gradFunc = (upstream: tf.Scalar, saved: tf.Tensor[]): [tf.Tensor2D, tf.Tensor2D] => {
      const [unit, inverseX, rows, inverseW, cosine, mask, targetSlope, logP, targetLogP, winner] = saved as [
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor3D,
      ];
      // d loss / d (unscaled logit): softmax, and on the target (softmax - 1) times the slope of the margin.
      const perLogit = tf.mul(upstream, tf.scalar(margin.s / batch));
      const targetP = tf.exp(targetLogP);
      const onTarget = tf.mul(perLogit, tf.sub(tf.mul(tf.sub(targetP, 1), targetSlope), targetP));
      const dPerClass = tf.add<tf.Tensor2D>(tf.mul(tf.exp(logP), perLogit), tf.mul(mask, onTarget));
      const dCosines: tf.Tensor2D =
        subcenters === 1
          ? dPerClass
          : tf.reshape(tf.mul(tf.reshape(dPerClass, [batch, classes, 1]), winner), cosine.shape);

      const scaled = tf.mul(dCosines, inverseW);
      // Through the normalisation: drop the component along the row itself, divide by the norm.
      const dUnit: tf.Tensor2D = tf.matMul(scaled, rows);
      const alongX = tf.sum(tf.mul(dUnit, unit), 1, true);
      const dEmbedding: tf.Tensor2D = tf.mul(tf.sub(dUnit, tf.mul(unit, alongX)), inverseX);
      const alongW = tf.mul(tf.sum(tf.mul(scaled, cosine), 0, true), inverseW);
      const dWeight: tf.Tensor2D = tf.sub(
        tf.matMul(scaled, unit, true, false),
        tf.mul(rows, tf.reshape(alongW, [classes * subcenters, 1])),
      );
      return [dEmbedding, dWeight];
    };
    return { value: loss, gradFunc };
  });
  return operation(embeddings, weights);
}
