import type { ClassModes } from './dominant-modes.ts';
import { dotRows, type FaceGroups, sumOfRows } from './face-groups.ts';

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
    let persons = 0;
    modes.forEach((mode, m) => {
      if (m === dominant || mode.length < Math.max(FEWEST_IMAGES, SMALLEST_SHARE * faces.members[c]!.length))
        return;
      const within = (cohesion(faces, main) + cohesion(faces, mode)) / 2;
      if (likeness(faces, main, mode) >= impostorMedian + STRANGER_SIDE * (within - impostorMedian)) return;
      persons += 1;
      for (const image of mode) secondPerson[image] = persons;
    });
  });
  return secondPerson;
}

/** Mean cosine of two different images of one set. */
function cohesion(faces: FaceGroups, images: Int32Array): number {
  const sum = sumOfRows(faces, images);
  const n = images.length;
  return (dotRows(sum, 0, sum, 0, sum.length) - n) / Math.max(n * (n - 1), 1);
}

/** Mean cosine of an image of one set to an image of another. */
function likeness(faces: FaceGroups, a: Int32Array, b: Int32Array): number {
  const product = dotRows(sumOfRows(faces, a), 0, sumOfRows(faces, b), 0, faces.dimensions);
  return product / (a.length * b.length);
}
