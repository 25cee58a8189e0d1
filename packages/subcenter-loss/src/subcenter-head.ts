import * as tf from '@tensorflow/tfjs-core';
import { checkPositiveInteger } from './head-shapes.ts';
import { type Margin, resolveMargin } from './margin.ts';
import { marginSoftmaxLoss } from './margin-softmax.ts';
import { normalWeights } from './normal-weights.ts';
import { subcenterCosines } from './subcenter-cosines.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';

export interface SubcenterHeadOptions {
  /** Number of identities, C. */
  readonly classes: number;
  /** Length of an embedding, D. */
  readonly embeddingSize: number;
  /** Sub-centres per identity, K. Default 3, the paper's. */
  readonly subcenters?: number;
  /** Missing numbers are ArcFace's (m1 1, m2 .5, m3 0, s 64). */
  readonly margin?: Partial<Margin>;
  /** Seed of the initial weights. Default 0. */
  readonly seed?: number;
}

/**
 * The last layer of a face network in training: K trainable sub-centres for every identity, and the loss that pulls
 * embeddings towards the nearest of their own and away from all others.
 *
 * The head owns one variable; `dispose` frees it.
 */
export class SubcenterHead {
  readonly classes: number;
  readonly subcenters: number;
  readonly embeddingSize: number;
  /** [classes * K, D] float32, class-major: sub-centre k of class c is row `c * K + k`. Starts as Normal(0, .01). */
  readonly weights: tf.Variable<tf.Rank.R2>;
  #margin: Margin;

  /** @throws {SubcenterLossError} `invalid-option`. */
  constructor(options: SubcenterHeadOptions) {
    const { classes, embeddingSize, subcenters = 3, seed = 0 } = options;
    checkPositiveInteger('classes', classes);
    checkPositiveInteger('embeddingSize', embeddingSize);
    checkPositiveInteger('subcenters', subcenters);
    this.classes = classes;
    this.subcenters = subcenters;
    this.embeddingSize = embeddingSize;
    this.#margin = resolveMargin(options.margin);
    const shape: [number, number] = [classes * subcenters, embeddingSize];
    this.weights = tf.tidy(() => tf.variable(tf.tensor2d(normalWeights(shape[0] * shape[1], seed), shape)));
  }

  /**
   * The margin in use. Assign to change it, or only some of its numbers, between steps (a warm-up, say); nothing is recompiled.
   * Numbers out of range throw `invalid-option`.
   */
  get margin(): Margin {
    return this.#margin;
  }

  set margin(margin: Partial<Margin>) {
    this.#margin = resolveMargin({ ...this.#margin, ...margin });
  }

  /**
   * The loss of a batch, to be called inside `tf.variableGrads`. See `marginSoftmaxLoss`.
   *
   * @param embeddings [B, D] float32. @param labels [B] int32 in 0..classes-1 (see `checkLabels`).
   * @returns Mean cross-entropy, a scalar.
   */
  loss(embeddings: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
    return marginSoftmaxLoss(embeddings, this.weights, labels, {
      subcenters: this.subcenters,
      margin: this.#margin,
    });
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
  }
}
