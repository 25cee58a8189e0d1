import { modesOfClass } from './class-modes.ts';
import { dotRows, type FaceGroups } from './face-groups.ts';
import { assignByAuction } from './person-assignment.ts';
import { imageGroup } from './person-likeness.ts';

/*
 * Which mode of each identity is the identity.
 *
 * The largest one, first of all. But where noise is heavy the largest mode of a small identity can be somebody else, who has an identity
 * of their own. So modes that look alike across identities are taken for one person, and every person gets at most one identity and
 * every identity one person, such that as many images as possible are where they belong.
 */

/** A mode of a single image is no claim to an identity. */
const LEAST_CLAIM = 2;

export interface ClassModes {
  /** Disjoint sets of images, the largest first. */
  readonly modes: readonly Int32Array[];
  /** Which of them is the identity. */
  readonly dominant: number;
}

/** @returns One entry per identity; without modes for an identity without images. */
export function findDominantModes(faces: FaceGroups, linkCut: number): ClassModes[] {
  const modes = faces.members.map((images) => modesOfClass(faces, images, linkCut));
  const dominant = new Int32Array(modes.length);
  const claims = modes.flatMap((of, identity) =>
    of.flatMap((images, mode) =>
      mode === 0 || images.length >= LEAST_CLAIM ? [{ identity, mode, images }] : [],
    ),
  );
  const contested = new Set(claims.flatMap(({ identity, mode }) => (mode > 0 ? [identity] : [])));
  if (contested.size > 0) {
    const person = peopleOf(faces, claims, contested, linkCut);
    const worth = modes.map(() => new Map<number, number>());
    claims.forEach(({ identity, images }, claim) => {
      const of = worth[identity]!;
      of.set(person[claim]!, (of.get(person[claim]!) ?? 0) + images.length);
    });
    const assigned = assignByAuction(worth);
    for (let claim = claims.length - 1; claim >= 0; claim--) {
      const { identity, mode } = claims[claim]!;
      // The largest of the person's modes is the last one looked at.
      if (contested.has(identity) && person[claim] === assigned[identity]) dominant[identity] = mode;
    }
  }
  return modes.map((of, c) => ({ modes: of, dominant: dominant[c]! }));
}

interface Claim {
  readonly identity: number;
  readonly mode: number;
  readonly images: Int32Array;
}

/** The person that each claim shows, as a number: claims of different identities whose images are alike show the same one. */
function peopleOf(
  faces: FaceGroups,
  claims: readonly Claim[],
  contested: ReadonlySet<number>,
  linkCut: number,
): Int32Array {
  const { dimensions } = faces;
  const groups = claims.map(({ images }) => imageGroup(faces, images));
  const means = new Float64Array(claims.length * dimensions);
  groups.forEach(({ sum, weight }, claim) => {
    for (let d = 0; d < dimensions; d++) means[claim * dimensions + d] = sum[d]! / weight;
  });
  const parent = Int32Array.from(claims.keys());
  const rootOf = (claim: number): number => {
    let root = claim;
    while (parent[root] !== root) {
      parent[root] = parent[parent[root]!]!;
      root = parent[root]!;
    }
    return root;
  };
  claims.forEach(({ identity }, a) => {
    if (!contested.has(identity)) return;
    for (let b = 0; b < claims.length; b++) {
      const other = claims[b]!.identity;
      if (other === identity || (b < a && contested.has(other))) continue;
      if (dotRows(means, a, means, b, dimensions) > linkCut) parent[rootOf(b)] = rootOf(a);
    }
  });
  return parent.map((_, claim) => rootOf(claim));
}
