import type { Identity } from '../identity.ts';
import type { FaceGroups } from './face-groups.ts';
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
}

/** @returns Pairs of identities with enough good images whose centres are close, the closest pair first. */
export function proposeMerges(
  { members, dimensions }: FaceGroups,
  identities: readonly Identity[],
  { centres, support }: WeightedCentres,
  linkCut: number,
  minimumSupport: number,
): MergeProposal[] {
  const close = Math.max(linkCut, (1 + linkCut) / 2);
  const proposals: MergeProposal[] = [];
  const cosines = new Float64Array(members.length);
  for (let a = 0; a < members.length; a++) {
    if (support[a]! < minimumSupport) continue;
    const centre = centres.subarray(a * dimensions, (a + 1) * dimensions);
    productsWithRows(centre, centres, a + 1, members.length - a - 1, cosines);
    for (let b = a + 1; b < members.length; b++) {
      const cosine = cosines[b - a - 1]!;
      if (support[b]! < minimumSupport || !(cosine > close)) continue;
      const [first, second] = support[b]! > support[a]! ? [b, a] : [a, b];
      proposals.push({ labels: [identities[first]!.label, identities[second]!.label], cosine });
    }
  }
  return proposals.sort((x, y) => y.cosine - x.cosine);
}
