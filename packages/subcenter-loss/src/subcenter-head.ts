/** The head in one piece: all sub-centres are one variable, moved by the optimiser that moves the network. */
import * as tf from '@tensorflow/tfjs-core';
import type { HeadMonitor } from './head-monitor.ts';
import { checkPositiveInteger } from './input-checks.ts';
import { type LossSettings, type ResolvedLossSettings, resolveLossSettings } from './loss-settings.ts';
import { type Margin, type PastPi, resolveMargin } from './margin.ts';
import { marginSoftmaxLoss } from './margin-softmax.ts';
import { normalWeights } from './normal-weights.ts';
import { ownSubcenterCosines, subcenterCosines } from './subcenter-cosines.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';

export interface SubcenterHeadOptions extends LossSettings {
  /** Number of identities, C. */
  readonly classes: number;
  /** Length of an embedding, D. */
  readonly embeddingSize: number;
  /** Sub-centres per identity, K. Default 3, the paper's. */
  readonly subcenters?: number;
  /** Whether the scale is learned, starting from `margin.s`. Default false: it is `margin.s`. */
  readonly learnScale?: boolean;
  /** Seed of the initial weights. Default 0. */
  readonly seed?: number;
}

/** What belongs to one batch. */
export interface BatchOptions {
  /** What each image's loss is multiplied with before the mean over the batch is taken, [B], 0 to 1e6. Default: 1. */
  readonly sampleWeights?: ArrayLike<number> | undefined;
  /** Gets to see how the batch lies around its own sub-centres. */
  readonly monitor?: HeadMonitor | undefined;
}

/**
 * The last layer of a face network in training: K trainable sub-centres for every identity, and the loss that pulls
 * embeddings towards the nearest of their own and away from all others.
 *
 * The sub-centres are one variable that any optimiser can move, and all logits are kept for the backward pass. Where there are
 * too many identities for that, use `StreamingHead`. The head owns its variables; `dispose` frees them.
 */
export class SubcenterHead {
  readonly classes: number;
  readonly subcenters: number;
  readonly embeddingSize: number;
  /** [classes * K, D] float32, class-major: sub-centre k of class c is row `c * K + k`. Starts as Normal(0, .01). */
  readonly weights: tf.Variable<tf.Rank.R2>;
  /** The learned scale, a scalar; absent where the scale is fixed. */
  readonly scale: tf.Variable<tf.Rank.R0> | undefined;
  #settings: ResolvedLossSettings;

  /** @throws {SubcenterLossError} `invalid-option`, `shape-mismatch`. */
  constructor(options: SubcenterHeadOptions) {
    const { classes, embeddingSize, subcenters = 3, seed = 0, learnScale = false } = options;
    checkPositiveInteger('classes', classes);
    checkPositiveInteger('embeddingSize', embeddingSize);
    checkPositiveInteger('subcenters', subcenters);
    this.classes = classes;
    this.subcenters = subcenters;
    this.embeddingSize = embeddingSize;
    this.#settings = resolveLossSettings(options, classes);
    const shape: [number, number] = [classes * subcenters, embeddingSize];
    this.weights = tf.tidy(() => tf.variable(tf.tensor2d(normalWeights(shape[0] * shape[1], seed), shape)));
    this.scale = learnScale ? tf.tidy(() => tf.variable(tf.scalar(this.margin.s))) : undefined;
  }

  /** What the caller's optimiser is to move: the weights, and the scale where it is learned. */
  get variables(): tf.Variable[] {
    return this.scale ? [this.weights, this.scale] : [this.weights];
  }

  /**
   * The margin in use. Assign to change it, or only some of its numbers, between steps (a warm-up, say); nothing is recompiled.
   * Numbers out of range throw `invalid-option`.
   */
  get margin(): Margin {
    return this.#settings.margin;
  }

  set margin(margin: Partial<Margin>) {
    this.#settings = { ...this.#settings, margin: resolveMargin({ ...this.margin, ...margin }) };
  }

  /** What becomes of the margin past pi, as it was set. */
  get pastPi(): PastPi {
    return this.#settings.pastPi;
  }

  /** m2 of each class, radians, [C], if each was given its own. */
  get classMargins(): ArrayLike<number> | undefined {
    return this.#settings.classMargins;
  }

  /** The cosine above which negatives leave the softmax, if they do. */
  get interClassFilter(): number | undefined {
    return this.#settings.interClassFilter;
  }

  /**
   * The loss of a batch, to be called inside `tf.variableGrads` or an optimiser's `minimize`. See `marginSoftmaxLoss`.
   *
   * @param embeddings [B, D] float32. @param labels B classes, each in 0..classes-1.
   * @returns Mean cross-entropy, a scalar.
   * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`, `invalid-option`, `label-out-of-range`.
   */
  loss(embeddings: tf.Tensor2D, labels: ArrayLike<number>, batch: BatchOptions = {}): tf.Scalar {
    const { sampleWeights, monitor } = batch;
    const { subcenters, scale } = this;
    const loss = marginSoftmaxLoss(embeddings, this.weights, labels, {
      ...this.#settings,
      subcenters,
      scale,
      sampleWeights,
    });
    if (monitor) {
      const own = ownSubcenterCosines(embeddings, this.weights, labels, subcenters);
      monitor.observe(labels, own);
      own.dispose();
    }
    return loss;
  }

  /** Cosine of each embedding [B, D] to the nearest sub-centre of each class: [B, classes]. */
  cosines(embeddings: tf.Tensor2D): tf.Tensor2D {
    return subcenterCosines(embeddings, this.weights, this.subcenters);
  }

  /** A copy of the weights, row after row. */
  async exportWeights(): Promise<Float32Array> {
    return Float32Array.from(await this.weights.data<'float32'>());
  }

  /**
   * Replaces the weights.
   *
   * @param weights classes * K * D numbers, class-major.
   * @throws {SubcenterLossError} `shape-mismatch` when there are more or fewer.
   */
  importWeights(weights: Float32Array): void {
    const [rows, dimensions] = this.weights.shape;
    if (weights.length !== rows * dimensions) {
      throw new SubcenterLossError(
        'shape-mismatch',
        `the head has ${rows} x ${dimensions} = ${rows * dimensions} weights ` +
          `(${this.classes} classes x ${this.subcenters} sub-centres), found ${weights.length}`,
      );
    }
    tf.tidy(() => this.weights.assign(tf.tensor2d(weights, [rows, dimensions])));
  }

  dispose(): void {
    this.weights.dispose();
    this.scale?.dispose();
  }
}
