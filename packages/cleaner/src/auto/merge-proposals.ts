import type { Identity } from '../identity.ts';
import type { FaceGroups } from './face-groups.ts';
import {
  imageGroup,
  type LikenessScale,
  relativeLikeness,
  samePersonProbability,
} from './person-likeness.ts';
import { productsWithRows } from './row-products.ts';
import type { WeightedCentres } from './weighted-centres.ts';

/*
 * Identities that are one person under two labels: their centres are about as close as the centres of two halves of one identity
 * would be. Proposed only; nothing is decided on them.
 */

export interface MergeProposal {
  /** Two labels, the one of the identity with more good images first. */
  readonly labels: readonly [number, number];
  /** Cosine of the two centres. */
  readonly cosine: number;
  /** Likeness of their images: about 0 for strangers, about 1 for one person. */
  readonly likeness: number;
  /** That these are one person. */
  readonly probability: number;
}

const LEAST_PROBABILITY = 0.5;

/** @returns Pairs of identities with enough good images that are more likely one person than two, the likeliest first. */
export function proposeMerges(
  faces: FaceGroups,
  identities: readonly Identity[],
  { centres, support }: WeightedCentres,
  weights: Float64Array,
  scale: LikenessScale,
  { linkCut, minimumSupport }: { readonly linkCut: number; readonly minimumSupport: number },
): MergeProposal[] {
  const { members, dimensions } = faces;
  // Before anything is known, one identity in a hundred is taken to be there twice.
  const priorOdds = 0.01 / Math.max(1, members.length);
  const proposals: MergeProposal[] = [];
  const cosines = new Float64Array(members.length);
  for (let a = 0; a < members.length; a++) {
    if (support[a]! < minimumSupport) continue;
    const centre = centres.subarray(a * dimensions, (a + 1) * dimensions);
    productsWithRows(centre, centres, a + 1, members.length - a - 1, cosines);
    for (let b = a + 1; b < members.length; b++) {
      const cosine = cosines[b - a - 1]!;
      // Means of several images are closer than single ones: below the link cut there is nothing to weigh.
      if (support[b]! < minimumSupport || !(cosine > linkCut)) continue;
      const relative = relativeLikeness(
        imageGroup(faces, members[a]!, weights),
        imageGroup(faces, members[b]!, weights),
        scale,
      );
      const probability = samePersonProbability(scale, relative, priorOdds);
      if (!(probability > LEAST_PROBABILITY)) continue;
      const [first, second] = support[b]! > support[a]! ? [b, a] : [a, b];
      proposals.push({
        labels: [identities[first]!.label, identities[second]!.label],
        cosine,
        likeness: relative,
        probability,
      });
    }
  }
  return proposals.sort((x, y) => y.probability - x.probability || y.cosine - x.cosine);
}
