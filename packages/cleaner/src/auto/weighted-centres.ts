import { dotRows, type FaceGroups, normaliseInPlace } from './face-groups.ts';

/*
 * The centre of every identity as a weighted mean of its images, and the cosine of every image to the centre of its own identity
 * *without itself*: a bad image otherwise pulls the centre towards it and looks better than it is.
 */

export interface WeightedCentres {
  /** [identities, D], unit rows. */
  readonly centres: Float64Array;
  /** Total weight of each identity's images. */
  readonly support: Float64Array;
  /** Leave-one-out cosine to the own centre; NaN where the identity has no other image of any weight. */
  readonly own: Float64Array;
}

/** Less total weight than this is none. */
export const NO_SUPPORT = 1e-3;

export function weightedCentres(faces: FaceGroups, weights: Float64Array): WeightedCentres {
  const { images, dimensions, unit, identityOf, members } = faces;
  const sums = new Float64Array(members.length * dimensions);
  const support = new Float64Array(members.length);
  const row = new Float64Array(dimensions);
  for (let i = 0; i < images; i++) {
    const c = identityOf[i]!;
    const weight = weights[i]!;
    support[c]! += weight;
    unit.read(i, row);
    for (let d = 0; d < dimensions; d++) sums[c * dimensions + d]! += weight * row[d]!;
  }
  const own = new Float64Array(images).fill(Number.NaN);
  const rest = new Float64Array(dimensions);
  for (let i = 0; i < images; i++) {
    const c = identityOf[i]!;
    const weight = weights[i]!;
    if (!(support[c]! - weight > NO_SUPPORT)) continue;
    unit.read(i, row);
    for (let d = 0; d < dimensions; d++) rest[d] = sums[c * dimensions + d]! - weight * row[d]!;
    normaliseInPlace(rest);
    own[i] = dotRows(row, 0, rest, 0, dimensions);
  }
  for (let c = 0; c < members.length; c++)
    normaliseInPlace(sums.subarray(c * dimensions, (c + 1) * dimensions));
  return { centres: sums, support, own };
}
