import { type FaceGroups, normaliseInPlace } from './face-groups.ts';
import { inverseCholesky } from './inverse-cholesky.ts';
import { productsWithLowerTriangle } from './row-products.ts';

/*
 * Images of one person differ from each other more in some directions of an embedding than in others: light, pose, and whatever else a
 * network has not learned to look past. What images of *all* people differ in like that says little about who somebody is, and a
 * cosine counts it in full. So embeddings are turned and scaled until images of one person differ by as much in every direction, and cosines are
 * taken there ("within-class covariance normalisation": Hatch, Kajarekar and Stolcke, Interspeech 2006).
 *
 * The covariance is that of images around the mean of their own identity, all identities together, each image as far as it is likely to be
 * right. With fewer images than dimensions it has directions without any spread, so it is drawn towards a multiple of the identity
 * matrix: no direction is then stretched without bound.
 */

/** Part of the covariance that is spread evenly over all directions. */
const SHRINKAGE = 0.3;
/** Images that are no further than this from the mean of their identity (mean square) differ by rounding only. */
const LEAST_SPREAD = 1e-12;

/**
 * The whitening: L⁻¹, where L Lᵀ is the covariance within identities, drawn towards a multiple of the identity matrix. It is
 * in units of the mean variance, which cosines do not see.
 *
 * @param weights How far each image counts, 0..1.
 * @param options.shrinkage 0 (the covariance as it is) to 1 (nothing of it). Default .3.
 * @returns Lower triangular: [D, D], row after row. Undefined where images of one identity do not differ.
 */
export function withinClassWhitening(
  faces: FaceGroups,
  weights: Float64Array,
  { shrinkage = SHRINKAGE }: { readonly shrinkage?: number } = {},
): Float64Array | undefined {
  const { dimensions } = faces;
  const { scatter, weight } = scatterWithinIdentities(faces, weights);
  let trace = 0;
  for (let d = 0; d < dimensions; d++) trace += scatter[d * dimensions + d]!;
  if (!(trace > LEAST_SPREAD * weight)) return undefined;
  const variance = trace / dimensions;
  const shrunk = scatter.map((value) => ((1 - shrinkage) * value) / variance);
  for (let d = 0; d < dimensions; d++) shrunk[d * dimensions + d]! += shrinkage;
  return inverseCholesky(shrunk, dimensions);
}

/** Images that are added at a time: the matrix, which is larger than a cache, is then gone through so many times less. */
const AT_A_TIME = 4;

/** Weighted sum of the outer products of how images differ from the mean of their identity (lower triangle), and the sum of the weights. */
function scatterWithinIdentities(
  { images, dimensions, unit, identityOf, members }: FaceGroups,
  weights: Float64Array,
): { readonly scatter: Float64Array; readonly weight: number } {
  const means = new Float64Array(members.length * dimensions);
  const support = new Float64Array(members.length);
  const row = new Float64Array(dimensions);
  for (let i = 0; i < images; i++) {
    const c = identityOf[i]!;
    support[c]! += weights[i]!;
    unit.read(i, row);
    for (let d = 0; d < dimensions; d++) means[c * dimensions + d]! += weights[i]! * row[d]!;
  }
  for (let i = 0; i < means.length; i++) means[i]! /= support[Math.floor(i / dimensions)]! || 1;
  const scatter = new Float64Array(dimensions * dimensions);
  const rows = Array.from({ length: AT_A_TIME }, () => new Float64Array(dimensions));
  const rowWeights = new Float64Array(AT_A_TIME);
  let waiting = 0;
  for (let i = 0; i < images; i++) {
    // An identity's only image does not differ from its mean.
    if (!(weights[i]! > 0) || members[identityOf[i]!]!.length === 1) continue;
    const difference = rows[waiting]!;
    unit.read(i, difference);
    for (let d = 0; d < dimensions; d++) difference[d]! -= means[identityOf[i]! * dimensions + d]!;
    rowWeights[waiting++] = weights[i]!;
    if (waiting < AT_A_TIME) continue;
    addOuterProducts(scatter, rows, rowWeights);
    waiting = 0;
  }
  rowWeights.fill(0, waiting);
  addOuterProducts(scatter, rows, rowWeights);
  return { scatter, weight: support.reduce((sum, value) => sum + value, 0) };
}

/** Adds the weighted outer products of four rows to a matrix: lower triangle, one row after the other to each entry. */
function addOuterProducts(
  into: Float64Array,
  [first, second, third, fourth]: readonly Float64Array[],
  weights: Float64Array,
): void {
  const dimensions = first!.length;
  for (let a = 0; a < dimensions; a++) {
    const [p, q, r, s] = [
      weights[0]! * first![a]!,
      weights[1]! * second![a]!,
      weights[2]! * third![a]!,
      weights[3]! * fourth![a]!,
    ];
    const start = a * dimensions;
    for (let b = 0; b <= a; b++) {
      into[start + b] =
        into[start + b]! + p * first![b]! + q * second![b]! + r * third![b]! + s * fourth![b]!;
    }
  }
}

/** The same faces, whitened, with rows of length one (or zero) again. */
export function whitenedFaces(faces: FaceGroups, whitening: Float64Array): FaceGroups {
  const { unit, dimensions } = faces;
  const row = new Float64Array(dimensions);
  return {
    ...faces,
    unit: {
      rows: unit.rows,
      read(index, into) {
        unit.read(index, row);
        whiten(whitening, row, into);
      },
    },
    whitened: { whitening, from: unit },
  };
}

/** @param row D numbers. @param into Receives the row as it is in whitened coordinates, of length one (or zero); another array than `row`. */
export function whiten(whitening: Float64Array, row: Float64Array, into: Float64Array): void {
  productsWithLowerTriangle(row, whitening, into);
  normaliseInPlace(into);
}
