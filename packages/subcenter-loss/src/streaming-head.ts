/** The head for very many identities: chunk after chunk, over ranks, moving its sub-centres itself. */
import * as tf from '@tensorflow/tfjs-core';
import { angularMargin } from 'tfjs-training-kernels';
import { gatherBatch } from './batch-exchange.ts';
import { type ChunkLoop, type ChunkPart, gradientsOverChunks, softmaxOverChunks } from './chunk-loop.ts';
import { ClassChunk, chunkRanges, rankBlock } from './class-chunk.ts';
import { allClasses, type ClassSampling, checkSampling, sampleClasses } from './class-sampling.ts';
import { type Communicator, singleRank } from './communicator.ts';
import { imageShares } from './image-shares.ts';
import { checkEmbeddings, checkLabels, checkPositiveInteger, checkSampleWeights } from './input-checks.ts';
import { type ResolvedLossSettings, resolveLossSettings } from './loss-settings.ts';
import { type Margin, resolveMargin } from './margin.ts';
import { SCALE_BOUNDS } from './margin-softmax.ts';
import { normalWeightsOfClasses } from './normal-weights.ts';
import { mixedSeed } from './seeded-uniform.ts';
import { logSum } from './streaming-softmax.ts';
import type { BatchOptions, SubcenterHeadOptions } from './subcenter-head.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';
import { targetMargin } from './target-margin.ts';
import { measureRows, throughUnitRows } from './unit-rows.ts';

export interface StreamingHeadOptions extends SubcenterHeadOptions {
  /** Most classes that are held against the batch at once. Memory grows with it, time shrinks a little. Default 8192. */
  readonly chunkClasses?: number;
  /** How the sub-centres are moved. Default: momentum .9, weight decay 5e-4, the reference's. */
  readonly optimizer?: { readonly momentum?: number; readonly weightDecay?: number };
  /** Let only a sample of the classes take part in each step (Partial FC). Default: all do. */
  readonly sampling?: ClassSampling | undefined;
  /** The ranks over which the classes are divided. Default: this one alone. */
  readonly communicator?: Communicator;
}

export interface StreamingBatchOptions extends BatchOptions {
  /** Learning rate of the sub-centres in this step. */
  readonly learningRate: number;
  /**
   * Gets each chunk's gradient, [chunk.classes * K, D], instead of the head moving the chunk: for optimisers that need all gradients
   * before the first update. To be kept (`tf.keep`) by who wants it later. Not with `sampling`. Default: the head moves its
   * sub-centres.
   */
  readonly onGradient?: ((chunk: ClassChunk, gradient: tf.Tensor2D) => void) | undefined;
}

/**
 * A head for as many identities as memory has room for: the same loss as `SubcenterHead`'s, in memory O(batch x chunk) beside
 * the sub-centres and their momentum. It holds the batch against one chunk of classes after another, once forward and once
 * backward, and because all gradients of the sub-centres together would be as large as they are, it moves each chunk itself as
 * soon as its gradient is there:
 *
 *     momentum = m * momentum - learningRate * (gradient + weightDecay * weights)
 *     weights += momentum
 *
 * the rule of the reference, for every row in every step. So the loss is differentiable in the embeddings (and the learned
 * scale) only, and *taking its gradient moves the sub-centres*; a loss whose gradient is not taken leaves them alone.
 *
 * With a communicator every rank owns a block of the classes and brings its own images. The loss and its gradient are those
 * of all images against all classes; all ranks call `loss` together, and take its gradient together.
 *
 * The head owns its variables; `dispose` frees them.
 */
export class StreamingHead {
  readonly classes: number;
  readonly subcenters: number;
  readonly embeddingSize: number;
  /** The sub-centres of this rank's classes, chunk after chunk. */
  readonly chunks: readonly ClassChunk[];
  /** The learned scale, a scalar; absent where the scale is fixed. The same on all ranks. */
  readonly scale: tf.Variable<tf.Rank.R0> | undefined;
  /** How many losses have been asked for: what samples are drawn by. Set it when a run is resumed. */
  steps = 0;
  readonly #optimizer: { readonly momentum: number; readonly weightDecay: number };
  readonly #sampling: ClassSampling | undefined;
  readonly #communicator: Communicator;
  #settings: ResolvedLossSettings;

  /** @throws {SubcenterLossError} `invalid-option`, `shape-mismatch`. */
  constructor(options: StreamingHeadOptions) {
    const { classes, embeddingSize, subcenters = 3, seed = 0, chunkClasses = 8192, sampling } = options;
    const { communicator = singleRank, learnScale = false } = options;
    for (const [name, value] of Object.entries({ classes, embeddingSize, subcenters, chunkClasses })) {
      checkPositiveInteger(name, value);
    }
    if (classes < communicator.size) {
      throw new SubcenterLossError(
        'invalid-option',
        `${classes} classes cannot be divided over ${communicator.size} ranks`,
      );
    }
    if (sampling) checkSampling(sampling);
    this.classes = classes;
    this.subcenters = subcenters;
    this.embeddingSize = embeddingSize;
    this.#optimizer = checkedOptimizer(options.optimizer);
    this.#sampling = sampling;
    this.#communicator = communicator;
    this.#settings = resolveLossSettings(options, classes);
    this.chunks = chunkRanges(rankBlock(classes, communicator), chunkClasses).map((range) => {
      const chunk = new ClassChunk(range, subcenters, embeddingSize);
      chunk.importWeights(normalWeightsOfClasses(range, subcenters * embeddingSize, seed));
      return chunk;
    });
    this.scale = learnScale ? tf.tidy(() => tf.variable(tf.scalar(this.margin.s))) : undefined;
  }

  /** What the caller's optimiser is to move: the scale where it is learned. The head moves its sub-centres itself. */
  get variables(): tf.Variable[] {
    return this.scale ? [this.scale] : [];
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

  /**
   * The loss of a batch, to be called inside `tf.variableGrads` or an optimiser's `minimize`: its gradient moves the
   * sub-centres.
   *
   * @param embeddings [B, D] float32: this rank's images. @param labels B classes, each in 0..classes-1.
   * @returns Mean cross-entropy over the images of all ranks, a scalar. The gradient with respect to this rank's embeddings is of
   *   that mean: gradients of replicated networks are to be summed over ranks, not averaged.
   * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`, `invalid-option`, `label-out-of-range`.
   */
  loss(embeddings: tf.Tensor2D, labels: ArrayLike<number>, batch: StreamingBatchOptions): tf.Scalar {
    const count = checkEmbeddings(embeddings, this.embeddingSize);
    checkLabels(labels, count, this.classes);
    if (batch.sampleWeights) checkSampleWeights(batch.sampleWeights, count);
    if (!Number.isFinite(batch.learningRate)) {
      throw new SubcenterLossError(
        'invalid-option',
        `learningRate must be a finite number, found ${batch.learningRate}`,
      );
    }
    if (batch.onGradient && this.#sampling) {
      throw new SubcenterLossError(
        'invalid-option',
        'onGradient gets gradients of whole chunks, and with sampling there are none',
      );
    }
    const step = this.steps++;
    const operation = tf.customGrad<tf.Scalar>((...args) => {
      const [x, scale, save] = args as [tf.Tensor2D, tf.Scalar, tf.GradSaveFunc];
      return this.#operation(x, scale, save, { labels, step, ...batch });
    });
    return tf.tidy(() => operation(embeddings, this.scale ?? tf.scalar(this.margin.s)));
  }

  #operation(
    x: tf.Tensor2D,
    givenScale: tf.Scalar,
    save: tf.GradSaveFunc,
    batch: StreamingBatchOptions & { readonly labels: ArrayLike<number>; readonly step: number },
  ): { value: tf.Scalar; gradFunc: (upstream: tf.Scalar, saved: tf.Tensor[]) => tf.Tensor[] } {
    const communicator = this.#communicator;
    const settings = this.#settings;
    const whole = gatherBatch(communicator, x, batch.labels, batch.sampleWeights);
    const { begin, count } = whole.own;
    const loop: ChunkLoop = {
      communicator,
      parts: this.#select(whole.labels, batch.step),
      subcenters: this.subcenters,
      interClassFilter: settings.interClassFilter,
    };
    const { rows, inverseNorm } = measureRows(whole.embeddings);
    const unitEmbeddings: tf.Tensor2D = tf.mul(rows, inverseNorm);
    const scale: tf.Scalar = tf.clipByValue(givenScale, ...SCALE_BOUNDS);

    const { top, sum, own } = softmaxOverChunks(loop, unitEmbeddings, scale);
    batch.monitor?.observe(batch.labels, tf.slice(own, [begin, 0], [count, -1]));
    const target = angularMargin(tf.max(own, 1, true), targetMargin(settings, whole.labels));
    const targetLogit: tf.Tensor2D = tf.mul(target.value, scale);
    const logTotal = logSum(top, sum, targetLogit);
    const targetLogP: tf.Tensor2D = tf.sub(targetLogit, logTotal);
    const shares = imageShares(whole.labels.length, whole.sampleWeights);
    const value: tf.Scalar = tf.neg(tf.sum(tf.mul(targetLogP, shares)));

    save([unitEmbeddings, inverseNorm, scale, logTotal, targetLogP, target.value, target.slope, shares]);
    const gradFunc = (upstream: tf.Scalar, saved: tf.Tensor[]): tf.Tensor[] => {
      const [unit, inverse, s, total, targetLog, targetValue, slope, share] = saved as [
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Scalar,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
      ];
      const perImage: tf.Tensor2D = tf.mul(share, upstream);
      const perLogit: tf.Tensor2D = tf.mul(perImage, s);
      const missing: tf.Tensor2D = tf.sub(tf.exp(targetLog), 1);
      const slopes = {
        logTotal: total,
        perLogit,
        onTarget: tf.mul<tf.Tensor2D>(perLogit, tf.mul(missing, slope)),
      };
      const { dUnit, meanCosine } = gradientsOverChunks(loop, unit, s, slopes, (part, gradient) =>
        batch.onGradient
          ? batch.onGradient(part.chunk, gradient)
          : this.#move(part, gradient, batch.learningRate),
      );
      const ownRows = (t: tf.Tensor2D): tf.Tensor2D => tf.slice(t, [begin, 0], [count, -1]);
      return [
        throughUnitRows(ownRows(dUnit), ownRows(unit), ownRows(inverse)),
        tf.sum(tf.mul(perImage, tf.add(meanCosine, tf.mul(missing, targetValue)))),
      ];
    };
    return { value, gradFunc };
  }

  /** Which classes of each chunk take part in a step. */
  #select(labels: Int32Array, step: number): ChunkPart[] {
    return this.chunks.map((chunk) => {
      const local = chunk.localLabels(labels);
      if (!this.#sampling) return { chunk, selection: allClasses(local, chunk.classes) };
      const { rate, seed = 0 } = this.#sampling;
      const drawnBy = mixedSeed(seed, step, chunk.first);
      return { chunk, selection: sampleClasses(local, chunk.classes, rate, drawnBy) };
    });
  }

  #move({ chunk, selection }: ChunkPart, gradient: tf.Tensor2D, learningRate: number): void {
    const { momentum, weightDecay } = this.#optimizer;
    const weights = chunk.rows(chunk.weights, selection);
    const kept = tf.mul(chunk.rows(chunk.momentum, selection), tf.scalar(momentum));
    const decayed = tf.add(gradient, tf.mul(weights, tf.scalar(weightDecay)));
    const change: tf.Tensor2D = tf.sub(kept, tf.mul(decayed, tf.scalar(learningRate)));
    const moved: tf.Tensor2D = tf.add(weights, change);
    chunk.assignRows(chunk.momentum, selection, change);
    chunk.assignRows(chunk.weights, selection, moved);
  }

  /** A copy of the sub-centres of this rank's classes (all, where there is one rank), row after row. */
  async exportWeights(): Promise<Float32Array> {
    const perClass = this.subcenters * this.embeddingSize;
    const { first, classes } = rankBlock(this.classes, this.#communicator);
    const whole = new Float32Array(classes * perClass);
    for (const chunk of this.chunks) {
      whole.set(await chunk.weights.data<'float32'>(), (chunk.first - first) * perClass);
    }
    return whole;
  }

  /**
   * Replaces the sub-centres of this rank's classes (all, where there is one rank).
   *
   * @param weights numbers of those classes, class-major.
   * @throws {SubcenterLossError} `shape-mismatch` when there are more or fewer.
   */
  importWeights(weights: Float32Array): void {
    const perClass = this.subcenters * this.embeddingSize;
    const { first, classes } = rankBlock(this.classes, this.#communicator);
    if (weights.length !== classes * perClass) {
      throw new SubcenterLossError(
        'shape-mismatch',
        `this rank has ${classes} classes x ${this.subcenters} sub-centres x ${this.embeddingSize} = ` +
          `${classes * perClass} weights, found ${weights.length}`,
      );
    }
    for (const chunk of this.chunks) {
      const begin = (chunk.first - first) * perClass;
      chunk.importWeights(weights.subarray(begin, begin + chunk.classes * perClass));
    }
  }

  dispose(): void {
    for (const chunk of this.chunks) chunk.dispose();
    this.scale?.dispose();
  }
}

function checkedOptimizer({ momentum = 0.9, weightDecay = 5e-4 }: StreamingHeadOptions['optimizer'] = {}) {
  if (!(momentum >= 0 && momentum < 1)) {
    throw new SubcenterLossError(
      'invalid-option',
      `optimizer.momentum must be at least 0 and below 1, found ${momentum}`,
    );
  }
  if (!(weightDecay >= 0 && weightDecay <= 1)) {
    throw new SubcenterLossError(
      'invalid-option',
      `optimizer.weightDecay must be from 0 to 1, found ${weightDecay}`,
    );
  }
  return { momentum, weightDecay };
}
