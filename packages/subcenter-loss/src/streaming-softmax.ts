/**
 * The margin softmax one chunk of classes after another: what a chunk adds to the running sum of the softmax (forward), and
 * what it gets back (backward, in which its cosines are computed again rather than kept).
 *
 * The running sum is over negatives only, kept with the largest logit so far taken out of it ("online softmax", Milakov and
 * Gimelshein, arXiv 1805.02867). The target comes in last, because its logit has a margin and its cosine is in one chunk.
 */
import * as tf from '@tensorflow/tfjs-core';
import { isOwnClass } from 'tfjs-training-kernels';
import type { ChunkSelection } from './class-chunk.ts';
import { scoreClasses, scoreGradients } from './class-scores.ts';
import { unitRows } from './unit-rows.ts';

/** What is known of the softmax of each image after some of the chunks. */
export interface RunningSoftmax {
  /** The largest logit of a negative: [B, 1]. */
  readonly top: tf.Tensor2D;
  /** Sum of exp(logit - top) over the negatives: [B, 1]. */
  readonly sum: tf.Tensor2D;
  /** Cosines to the K sub-centres of the own class; zero until the chunk with that class has been: [B, K]. */
  readonly own: tf.Tensor2D;
}

/** Below every logit: the exponential of one that is lowered to it is exactly zero. */
const LOWEST = -1e9;

export function emptySoftmax(batch: number, subcenters: number): RunningSoftmax {
  return {
    top: tf.tensor2d(new Float32Array(batch).fill(LOWEST), [batch, 1]),
    sum: tf.tensor2d(new Float32Array(batch), [batch, 1]),
    own: tf.tensor2d(new Float32Array(batch * subcenters), [batch, subcenters]),
  };
}

/** What a chunk works with. */
export interface ChunkInput {
  /** [B, D] */
  readonly unitEmbeddings: tf.Tensor2D;
  /** Of the classes that take part: [n * K, D]. */
  readonly weights: tf.Tensor2D;
  readonly selection: ChunkSelection;
  readonly subcenters: number;
  readonly scale: tf.Scalar;
  readonly interClassFilter: number | undefined;
}

export function addChunk(running: RunningSoftmax, input: ChunkInput): RunningSoftmax {
  const { unitEmbeddings, weights, subcenters } = input;
  const { perClass } = scoreClasses(unitEmbeddings, weights, subcenters);
  const { logits } = negativeLogits(perClass, input);
  const top = tf.maximum<tf.Tensor2D>(running.top, tf.max(logits, 1, true));
  const kept = tf.mul(running.sum, tf.exp(tf.sub(running.top, top)));
  const added = tf.sum(tf.exp(tf.sub(logits, top)), 1, true);
  return { top, sum: tf.add(kept, added), own: tf.add(running.own, ownCosines(input)) };
}

/** The logits of the chunk, without those of own classes and of negatives that the filter takes out. */
function negativeLogits(
  perClass: tf.Tensor2D,
  { selection, scale, interClassFilter }: ChunkInput,
): { logits: tf.Tensor2D; isOwn: tf.Tensor2D } {
  const isOwn = isOwnClass(selection.labels, selection.classes);
  const out =
    interClassFilter === undefined
      ? isOwn
      : tf.logicalOr<tf.Tensor2D>(isOwn, tf.greater(perClass, tf.scalar(interClassFilter)));
  const logits = tf.mul<tf.Tensor2D>(perClass, scale);
  return { logits: tf.where(out, tf.fill(logits.shape, LOWEST), logits), isOwn };
}

/**
 * Cosines of the images whose class is in the chunk to its sub-centres, zero for the others: [B, K]. A row is gathered for
 * every image, wherever its class is, so that the shapes are the same in every step.
 */
function ownCosines({ unitEmbeddings, weights, selection, subcenters }: Omit<ChunkInput, 'scale'>) {
  const [batch, dimensions] = unitEmbeddings.shape;
  const { labels, classes } = selection;
  const byClass = tf.reshape(weights, [classes, subcenters * dimensions]);
  const position = tf.tensor1d(labels.map((label) => Math.max(0, label)));
  const rows: tf.Tensor2D = tf.reshape(tf.gather(byClass, position), [batch * subcenters, dimensions]);
  const unit = tf.reshape(unitRows(rows), [batch, subcenters, dimensions]);
  const cosines = tf.sum<tf.Tensor2D>(tf.mul(unit, tf.reshape(unitEmbeddings, [batch, 1, dimensions])), 2);
  const isHere = tf.tensor2d(
    Float32Array.from(labels, (label) => (label < 0 ? 0 : 1)),
    [batch, 1],
  );
  return tf.mul<tf.Tensor2D>(cosines, isHere);
}

/** The finished softmax, as the backward pass needs it: [B, 1] each. */
export interface SoftmaxSlopes {
  /** Log of the sum of exp(logit) over all classes. */
  readonly logTotal: tf.Tensor2D;
  /** d loss / d (logit / scale) = this * probability, for negatives. */
  readonly perLogit: tf.Tensor2D;
  /** d loss / d (cosine to the own class). */
  readonly onTarget: tf.Tensor2D;
}

export interface ChunkGradients {
  /** This chunk's part of the gradient with respect to the unit embeddings: [B, D]. */
  readonly dUnit: tf.Tensor2D;
  /** [n * K, D] */
  readonly dWeights: tf.Tensor2D;
  /** Sum over the chunk's negatives of probability * cosine: [B, 1]. */
  readonly meanCosine: tf.Tensor2D;
}

export function chunkGradients(slopes: SoftmaxSlopes, input: ChunkInput): ChunkGradients {
  const { unitEmbeddings, weights, subcenters } = input;
  const { perClass, ...scores } = scoreClasses(unitEmbeddings, weights, subcenters);
  const { logits, isOwn } = negativeLogits(perClass, input);
  const probability = tf.exp<tf.Tensor2D>(tf.sub(logits, slopes.logTotal));
  const dNegatives = tf.mul<tf.Tensor2D>(probability, slopes.perLogit);
  const dPerClass = tf.add<tf.Tensor2D>(dNegatives, tf.mul(tf.cast(isOwn, 'float32'), slopes.onTarget));
  return {
    ...scoreGradients(dPerClass, unitEmbeddings, scores, subcenters),
    meanCosine: tf.sum(tf.mul(probability, perClass), 1, true),
  };
}

/** log(sum * exp(top) + exp(target)), from the larger of the two: the log of the softmax's whole sum. */
export function logSum(top: tf.Tensor2D, sum: tf.Tensor2D, target: tf.Tensor2D): tf.Tensor2D {
  const largest = tf.maximum<tf.Tensor2D>(top, target);
  const negatives = tf.mul(sum, tf.exp(tf.sub(top, largest)));
  return tf.add(largest, tf.log(tf.add(negatives, tf.exp(tf.sub(target, largest)))));
}
