/**
 * What a run minimises. The margin losses, and the plain softmax that they are compared with, need the head's sub-centres; the triplet
 * losses compare images with each other, and no head is trained.
 */
import { angularTripletLoss, softmaxLoss, tripletLoss } from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';
import { Random } from '../random.ts';
import { TrainingError } from '../training-error.ts';
import type { TrainedModel } from './train-step.ts';

/** Plain data, stored in the checkpoint. */
export type TrainingLoss =
  /** The head's own: softmax over cosines with a margin. */
  | { readonly kind: 'margin' }
  /** Softmax over inner products with the head's weights, without bias (the reference's `fc7_no_bias`): K must be 1. */
  | { readonly kind: 'softmax' }
  /** On squared distances of unit embeddings. `alpha`: by how much a negative must be further away. Default .3. */
  | { readonly kind: 'triplet'; readonly alpha?: number }
  /** On angles. `alpha` in radians. Default .35. */
  | { readonly kind: 'angular-triplet'; readonly alpha?: number };

/** Images of one identity that stand next to each other in the order of a run with a triplet loss. */
export const TRIPLET_GROUP = 4;

/** What a loss makes of the head: trains its sub-centres, K a class or one a class only, or leaves it as it is. */
const HEAD: Readonly<Record<TrainingLoss['kind'], 'sub-centres' | 'one centre' | 'none'>> = {
  margin: 'sub-centres',
  softmax: 'one centre',
  triplet: 'none',
  'angular-triplet': 'none',
};

/** @throws {TrainingError} `invalid-option` for a loss that there is not */
export function checkLoss({ kind }: TrainingLoss): void {
  if (Object.hasOwn(HEAD, kind)) return;
  throw new TrainingError(
    'invalid-option',
    `loss.kind must be one of ${Object.keys(HEAD).join(', ')}, got ${JSON.stringify(kind)}.`,
  );
}

/** Whether the loss moves the head's sub-centres. */
export function trainsHead({ kind }: TrainingLoss): boolean {
  return HEAD[kind] !== 'none';
}

/** Whether the head must have one sub-centre a class. */
export function needsOneCentre({ kind }: TrainingLoss): boolean {
  return HEAD[kind] === 'one centre';
}

/**
 * The loss of a batch, to be differentiated.
 *
 * @param embeddings [B, D]. @param labels B classes. @param seed what negatives are drawn by
 */
export function lossOfBatch(
  loss: TrainingLoss,
  { head }: Pick<TrainedModel, 'head'>,
  { embeddings, labels, seed }: { embeddings: tf.Tensor2D; labels: Int32Array; seed: number },
): tf.Scalar {
  switch (loss.kind) {
    case 'margin':
      return head.loss(embeddings, labels);
    case 'softmax':
      return softmaxLoss(embeddings, head.weights, labels);
    case 'triplet':
      return tripletLoss(inTriplets(embeddings, labels, seed), { alpha: loss.alpha ?? 0.3 });
    case 'angular-triplet':
      return angularTripletLoss(inTriplets(embeddings, labels, seed), { alpha: loss.alpha ?? 0.35 });
  }
}

function inTriplets(embeddings: tf.Tensor2D, labels: Int32Array, seed: number): tf.Tensor2D {
  const rows = drawTriplets(labels, seed);
  return tf.gather(embeddings, tf.tensor1d(rows.flat(), 'int32'));
}

/**
 * Every ordered pair of two images of one identity, with a negative drawn at random for each. The reference looks for negatives that
 * violate the margin; here the hinge leaves the others without a gradient.
 *
 * @returns positions in the batch of T anchors, their positives, their negatives; an image three times, which has no gradient, where
 *   there is no triplet (only identities of one image, say)
 */
export function drawTriplets(
  labels: Int32Array,
  seed: number,
): [anchors: number[], positives: number[], negatives: number[]] {
  const random = Random.of(seed, 'negatives');
  const triplets: [number[], number[], number[]] = [[], [], []];
  labels.forEach((label, anchor) => {
    const others = [...labels.keys()].filter((i) => labels[i] !== label);
    if (others.length === 0) return;
    labels.forEach((positiveLabel, positive) => {
      if (positive === anchor || positiveLabel !== label) return;
      triplets[0].push(anchor);
      triplets[1].push(positive);
      triplets[2].push(others[random.integer(others.length)]!);
    });
  });
  return triplets[0].length > 0 ? triplets : [[0], [0], [0]];
}
