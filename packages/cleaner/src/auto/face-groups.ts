import { CleanerError } from '../cleaner-error.ts';
import { type EmbeddingRows, type Embeddings, unitRows } from '../embedding-rows.ts';
import { type Identity, identityOfImages } from '../identity.ts';

/*
 * What all steps of the automatic rule work on: unit embeddings, grouped by identity.
 */

export interface FaceGroups {
  /** Number of images. */
  readonly images: number;
  /** Length of an embedding. */
  readonly dimensions: number;
  /** Every row of length one (or zero). */
  readonly unit: EmbeddingRows;
  /** Position of the identity of every image. */
  readonly identityOf: Int32Array;
  /** Images of every identity. */
  readonly members: readonly Int32Array[];
  /** Where rows are not as the embeddings have them: how they came about, and from which rows. */
  readonly whitened?: { readonly whitening: Float64Array; readonly from: EmbeddingRows };
}

/** @throws {CleanerError} `too-few-identities`, and what `identityOfImages` and `unitRows` throw. */
export function groupFaces(
  embeddings: Embeddings,
  dimensions: number,
  labels: Int32Array,
  identities: readonly Identity[],
): FaceGroups {
  const unit = unitRows(embeddings, dimensions, labels.length);
  const identityOf = identityOfImages(labels, identities);
  const members = identities.map(({ images }) => images);
  const peopled = members.filter((images) => images.length > 0).length;
  if (peopled < 2) {
    throw new CleanerError(
      'too-few-identities',
      `the automatic rule compares an image with other identities than its own: it needs at least 2, found ${peopled}`,
    );
  }
  return { images: labels.length, dimensions, unit, identityOf, members };
}

/** Inner product of row i of `a` with row j of `b`. */
export function dotRows(
  a: Float32Array | Float64Array,
  i: number,
  b: Float32Array | Float64Array,
  j: number,
  dimensions: number,
): number {
  let p = i * dimensions;
  let q = j * dimensions;
  let sum = 0;
  for (const end = p + dimensions; p < end; ) sum += a[p++]! * b[q++]!;
  return sum;
}

/** Sum of the unit rows of some images. */
export function sumOfRows({ unit, dimensions }: FaceGroups, images: Iterable<number>): Float64Array {
  const sum = new Float64Array(dimensions);
  const row = new Float64Array(dimensions);
  for (const image of images) {
    unit.read(image, row);
    for (let d = 0; d < dimensions; d++) sum[d]! += row[d]!;
  }
  return sum;
}

/** Scales to length one, in place; next to nothing stays next to nothing. */
export function normaliseInPlace(vector: Float64Array): Float64Array {
  const norm = Math.sqrt(vector.reduce((sum, v) => sum + v * v, 0)) + 1e-9;
  for (let d = 0; d < vector.length; d++) vector[d]! /= norm;
  return vector;
}
