import type { Identity } from '../identity.ts';
import type { ClassModes } from './dominant-modes.ts';
import type { FaceGroups } from './face-groups.ts';
import {
  imageGroup,
  type LikenessScale,
  relativeLikeness,
  samePersonProbability,
} from './person-likeness.ts';

/** A second person in an identity's folder, who could be an identity of their own. */
export interface SplitProposal {
  readonly label: number;
  /** 1, 2, ... within the folder. */
  readonly person: number;
  /** The second person's images, without those that belong to an identity that exists already. */
  readonly images: Int32Array;
  /** Likeness to the folder's first person: about 0 for strangers, about 1 for one person. */
  readonly likeness: number;
  /** That these are two people. */
  readonly probability: number;
}

/** @returns In the order of the identities. */
export function proposeSplits(
  faces: FaceGroups,
  identities: readonly Identity[],
  {
    classModes,
    secondPerson,
    pElsewhere,
  }: {
    readonly classModes: readonly ClassModes[];
    readonly secondPerson: Int32Array;
    readonly pElsewhere: Float64Array;
  },
  scale: LikenessScale,
): SplitProposal[] {
  const proposals: SplitProposal[] = [];
  classModes.forEach(({ modes, dominant }, c) => {
    for (const mode of modes) {
      const person = secondPerson[mode[0]!]!;
      if (person === 0) continue;
      const images = mode.filter((image) => !(pElsewhere[image]! > 0.5)).sort();
      if (images.length === 0) continue;
      const relative = relativeLikeness(imageGroup(faces, modes[dominant]!), imageGroup(faces, mode), scale);
      proposals.push({
        label: identities[c]!.label,
        person,
        images,
        likeness: relative,
        probability: 1 - samePersonProbability(scale, relative, 1),
      });
    }
  });
  return proposals;
}
