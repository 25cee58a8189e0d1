import type { ClassModes } from './dominant-modes.ts';
import type { FaceGroups } from './face-groups.ts';
import { cohesion, imageGroup, likeness } from './person-likeness.ts';

/*
 * Folders that hold two people. A mode beside the dominant one is another person, not another look of the same, when it is
 * of some size and about as far from the dominant mode as strangers are from each other.
 */

const FEWEST_IMAGES = 3;
const SMALLEST_SHARE = 0.1;
/** Where between the strangers' median (0) and the cohesion of the two modes (1) their mutual cosine must stay below. */
const STRANGER_SIDE = 0.5;

/** @returns For every image 0, or the number (1, 2, ...) of the other person of its folder that it shows. */
export function findSecondPersons(
  faces: FaceGroups,
  classModes: readonly ClassModes[],
  impostorMedian: number,
): Int32Array {
  const secondPerson = new Int32Array(faces.images);
  classModes.forEach(({ modes, dominant }, c) => {
    const main = modes[dominant];
    if (!main || main.length < 2) return;
    const mainGroup = imageGroup(faces, main);
    let persons = 0;
    modes.forEach((mode, m) => {
      if (m === dominant || mode.length < Math.max(FEWEST_IMAGES, SMALLEST_SHARE * faces.members[c]!.length))
        return;
      const group = imageGroup(faces, mode);
      const within = (cohesion(mainGroup) + cohesion(group)) / 2;
      if (likeness(mainGroup, group) >= impostorMedian + STRANGER_SIDE * (within - impostorMedian)) return;
      persons += 1;
      for (const image of mode) secondPerson[image] = persons;
    });
  });
  return secondPerson;
}
