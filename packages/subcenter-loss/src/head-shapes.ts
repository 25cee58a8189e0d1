import type * as tf from '@tensorflow/tfjs-core';
import { SubcenterLossError } from './subcenter-loss-error.ts';

/*
 * What the loss expects of its inputs, checked before anything is computed, so that a mistake is reported in terms of
 * classes and sub-centres and not as a broadcast error deep inside.
 */

export interface HeadShapes {
  readonly batch: number;
  readonly classes: number;
  readonly dimensions: number;
}

/** @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`, `invalid-option`. */
export function checkHeadShapes(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  subcenters: number,
): HeadShapes {
  checkPositiveInteger('subcenters', subcenters);
  for (const [name, tensor] of [
    ['embeddings', embeddings],
    ['weights', weights],
  ] as const) {
    if (tensor.rank !== 2) {
      throw new SubcenterLossError(
        'shape-mismatch',
        `${name} must be a matrix, found shape [${tensor.shape}]`,
      );
    }
    if (tensor.dtype !== 'float32') {
      throw new SubcenterLossError('dtype-mismatch', `${name} must be float32, found ${tensor.dtype}`);
    }
  }
  const [batch, dimensions] = embeddings.shape;
  const [rows, weightDimensions] = weights.shape;
  if (batch === 0) {
    throw new SubcenterLossError(
      'shape-mismatch',
      'embeddings has no rows: the mean over an empty batch is undefined',
    );
  }
  if (dimensions !== weightDimensions) {
    throw new SubcenterLossError(
      'shape-mismatch',
      `embeddings have ${dimensions} dimensions but the sub-centres have ${weightDimensions}`,
    );
  }
  if (rows === 0 || rows % subcenters !== 0) {
    throw new SubcenterLossError(
      'shape-mismatch',
      `${rows} sub-centre rows cannot be ${subcenters} sub-centres each of a whole number of classes`,
    );
  }
  return { batch, classes: rows / subcenters, dimensions };
}

/** @throws {SubcenterLossError} `shape-mismatch` or `dtype-mismatch`. */
export function checkLabelTensor(labels: tf.Tensor1D, batch: number): void {
  if (labels.rank !== 1 || labels.shape[0] !== batch) {
    throw new SubcenterLossError(
      'shape-mismatch',
      `labels must have shape [${batch}], one for each embedding, found [${labels.shape}]`,
    );
  }
  if (labels.dtype !== 'int32') {
    throw new SubcenterLossError('dtype-mismatch', `labels must be int32, found ${labels.dtype}`);
  }
}

/** @throws {SubcenterLossError} `invalid-option`. */
export function checkPositiveInteger(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new SubcenterLossError('invalid-option', `${name} must be a positive integer, found ${value}`);
  }
}

/**
 * Checks labels on the host, once, before they go to the device. A label outside the range would train every class
 * away from its image.
 *
 * @throws {SubcenterLossError} `label-out-of-range`, naming the first offender.
 */
export function checkLabels(labels: ArrayLike<number>, classes: number): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new SubcenterLossError(
        'label-out-of-range',
        `label ${label} at position ${i} is not in 0..${classes - 1}: the head has ${classes} classes`,
      );
    }
  }
}
