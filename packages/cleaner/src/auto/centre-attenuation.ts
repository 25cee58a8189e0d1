import type { FaceGroups } from './face-groups.ts';
import { cohesion, imageGroup } from './person-likeness.ts';

/*
 * The mean of few images is a worse picture of a person than the mean of many: a right image is less near to it. How much less
 * follows from how alike the images of one person are: the mean of n unit vectors of mutual cosine r has the cosine
 * r sqrt(n) / sqrt(1 + (n - 1) r) to one more, which is this factor times what the mean of infinitely many has.
 */

/** @param images How many the mean is of; weights count as fractions. @param likeness Mean cosine of two images of one person. */
export function attenuation(images: number, likeness: number): number {
  const n = Math.max(images, 1);
  return Math.sqrt((n * likeness) / (1 + (n - 1) * likeness));
}

/** An identity's dominant mode of fewer images says little about likeness. */
const FEWEST_IMAGES = 4;

/** Mean cosine of two images of one person, over identities that have enough images to tell. */
export function usualLikeness(faces: FaceGroups, core: readonly (Int32Array | undefined)[]): number {
  const cohesions = core
    .filter((images) => images !== undefined && images.length >= FEWEST_IMAGES)
    .map((images) => cohesion(imageGroup(faces, images!)))
    .sort((a, b) => a - b);
  const median = cohesions[cohesions.length >> 1] ?? 1;
  return Math.min(1, Math.max(0.05, median));
}
