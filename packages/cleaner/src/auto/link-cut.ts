import type { SeededRandom } from '../seeded-random.ts';
import { dotRows, type FaceGroups } from './face-groups.ts';
import { robustNormalInPlace } from './median.ts';

/*
 * Above which cosine are two images taken for the same person?
 *
 * Pairs of different label are, nearly all, pairs of different people; the cut stands four robust deviations above their
 * median. A high quantile of them would be nearer to what is wanted with clean labels, and is ruined by swapped ones:
 * then pairs of one person under two labels are exactly the upper tail.
 */

const PAIRS = 400_000;
const DEVIATIONS = 4;
/** Of fewer pairs no median says much. */
const FEWEST_PAIRS = 1000;

export interface LinkCut {
  readonly linkCut: number;
  /** Median cosine of two images of different label. */
  readonly impostorMedian: number;
}

export function findLinkCut(faces: FaceGroups, random: SeededRandom): LinkCut {
  const { images, identityOf, members, unit, dimensions } = faces;
  const cosines = new Float64Array(Math.min(PAIRS, (images * (images - 1)) / 2));
  const [one, other] = [new Float64Array(dimensions), new Float64Array(dimensions)];
  let found = 0;
  const add = (a: number, b: number): void => {
    if (identityOf[a] === identityOf[b]) return;
    unit.read(a, one);
    unit.read(b, other);
    cosines[found++] = dotRows(one, 0, other, 0, dimensions);
  };
  if (cosines.length < PAIRS) {
    for (let a = 0; a < images; a++) for (let b = a + 1; b < images; b++) add(a, b);
  } else {
    for (let i = 0; i < PAIRS; i++) add(random.integer(images), random.integer(images));
    if (found < FEWEST_PAIRS) {
      // Nearly all images are one identity's: of these pairs each has one that is not.
      const largest = members.reduce((most, own, c) => (own.length > members[most]!.length ? c : most), 0);
      const others = Int32Array.from(identityOf.keys()).filter((image) => identityOf[image] !== largest);
      for (let i = 0; i < FEWEST_PAIRS; i++)
        add(others[random.integer(others.length)]!, random.integer(images));
    }
  }
  const { median, deviation } = robustNormalInPlace(cosines.subarray(0, found));
  return { linkCut: median + DEVIATIONS * deviation, impostorMedian: median };
}
