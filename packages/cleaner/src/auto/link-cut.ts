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

export interface LinkCut {
  readonly linkCut: number;
  /** Median cosine of two images of different label. */
  readonly impostorMedian: number;
}

export function findLinkCut(faces: FaceGroups, random: SeededRandom): LinkCut {
  const { images, identityOf, unit, dimensions } = faces;
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
  }
  const { median, deviation } = robustNormalInPlace(cosines.subarray(0, found));
  return { linkCut: median + DEVIATIONS * deviation, impostorMedian: median };
}
