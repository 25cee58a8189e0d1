/**
 * What the losses expect of their inputs, checked before anything is computed, so that a mistake is reported in terms of
 * classes and sub-centres and not as a broadcast error deep inside.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { SubcenterLossError } from './subcenter-loss-error.ts';

export interface LossShapes {
  readonly batch: number;
  readonly classes: number;
  readonly dimensions: number;
}

/** @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`, `invalid-option`. */
export function checkLossShapes(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  subcenters: number,
): LossShapes {
  checkPositiveInteger('subcenters', subcenters);
  checkMatrix('weights', weights);
  const [rows, dimensions] = weights.shape;
  const batch = checkEmbeddings(embeddings, dimensions);
  if (rows === 0 || rows % subcenters !== 0) {
    throw new SubcenterLossError(
      'shape-mismatch',
      `${rows} sub-centre rows cannot be ${subcenters} sub-centres each of a whole number of classes`,
    );
  }
  return { batch, classes: rows / subcenters, dimensions };
}

/**
 * @returns The number of embeddings.
 * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`.
 */
export function checkEmbeddings(embeddings: tf.Tensor2D, dimensions: number): number {
  checkMatrix('embeddings', embeddings);
  const [batch, found] = embeddings.shape;
  if (batch === 0) {
    throw new SubcenterLossError(
      'shape-mismatch',
      'embeddings has no rows: the mean over an empty batch is undefined',
    );
  }
  if (found !== dimensions) {
    throw new SubcenterLossError(
      'shape-mismatch',
      `embeddings have ${found} dimensions but the sub-centres have ${dimensions}`,
    );
  }
  return batch;
}

function checkMatrix(name: string, { rank, shape, dtype }: tf.Tensor): void {
  if (rank !== 2) {
    throw new SubcenterLossError('shape-mismatch', `${name} must be a matrix, found shape [${shape}]`);
  }
  if (dtype !== 'float32') {
    throw new SubcenterLossError('dtype-mismatch', `${name} must be float32, found ${dtype}`);
  }
}

/** @throws {SubcenterLossError} `invalid-option`. */
export function checkPositiveInteger(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new SubcenterLossError('invalid-option', `${name} must be a positive integer, found ${value}`);
  }
}

/**
 * Labels, one for each image. A label outside the range would train every class away from its image.
 *
 * @throws {SubcenterLossError} `shape-mismatch`, or `label-out-of-range` naming the first offender.
 */
export function checkLabels(labels: ArrayLike<number>, batch: number, classes: number): void {
  if (labels.length !== batch) {
    throw new SubcenterLossError(
      'shape-mismatch',
      `there must be ${batch} labels, one for each embedding, found ${labels.length}`,
    );
  }
  for (let i = 0; i < batch; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new SubcenterLossError(
        'label-out-of-range',
        `label ${label} at position ${i} is not in 0..${classes - 1}: there are ${classes} classes`,
      );
    }
  }
}

/** @throws {SubcenterLossError} `shape-mismatch`, `invalid-option`. */
export function checkSampleWeights(weights: ArrayLike<number>, batch: number): void {
  if (weights.length !== batch) {
    throw new SubcenterLossError(
      'shape-mismatch',
      `there must be ${batch} sample weights, one for each embedding, found ${weights.length}`,
    );
  }
  for (let i = 0; i < batch; i++) {
    if (!(weights[i]! >= 0 && weights[i]! <= 1e6)) {
      throw new SubcenterLossError(
        'invalid-option',
        `sample weight ${weights[i]} at position ${i} is not from 0 to 1e6`,
      );
    }
  }
}
