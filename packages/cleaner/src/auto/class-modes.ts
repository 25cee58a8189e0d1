import { dotRows, type FaceGroups, normaliseInPlace, sumOfRows } from './face-groups.ts';

/*
 * The groups of look-alikes ("modes") within the images of one identity: where labels are right there is one large mode;
 * a second person in the folder makes another.
 *
 * Greedy: the image with the most links starts a mode, a few mean-shift steps settle it, its members are taken out, and again.
 */

export const MOST_MODES = 4;

const MEAN_SHIFT_STEPS = 3;

/** Link counts are quadratic in the images of one identity; of more than this, an evenly spaced sample is compared. */
const MOST_SEEDS = 1024;

/** @returns Up to four disjoint sets of images, the largest first (the first found, of equal ones); some images may be in none. */
export function modesOfClass(faces: FaceGroups, members: Int32Array, linkCut: number): Int32Array[] {
  const { unit, dimensions } = faces;
  const seeds = evenSample(members, MOST_SEEDS);
  const n = seeds.length;
  const rows = new Float64Array(n * dimensions);
  seeds.forEach((image, a) => {
    unit.read(image, rows.subarray(a * dimensions, (a + 1) * dimensions));
  });
  const cosines = new Float64Array(n * n);
  for (let a = 0; a < n; a++) {
    for (let b = a; b < n; b++) {
      const cosine = dotRows(rows, a, rows, b, dimensions);
      cosines[a * n + b] = cosine;
      cosines[b * n + a] = cosine;
    }
  }
  const free = new Set(members);
  const row = new Float64Array(dimensions);
  const modes: Int32Array[] = [];
  while (modes.length < MOST_MODES) {
    const seed = bestLinked(seeds, cosines, free, linkCut);
    if (seed < 0) break;
    let mode: number[] = [];
    for (let b = 0; b < n; b++) {
      if (free.has(seeds[b]!) && (b === seed || cosines[seed * n + b]! > linkCut)) mode.push(seeds[b]!);
    }
    for (let step = 0; step < MEAN_SHIFT_STEPS; step++) {
      const centre = normaliseInPlace(sumOfRows(faces, mode));
      const shifted = [...free].filter((image) => {
        unit.read(image, row);
        return dotRows(row, 0, centre, 0, dimensions) > linkCut;
      });
      if (shifted.length === 0) break;
      mode = shifted;
    }
    modes.push(Int32Array.from(mode));
    for (const image of mode) free.delete(image);
  }
  return modes.sort((a, b) => b.length - a.length);
}

/** The free seed with most links to free seeds; of equal ones the most similar to all of them; of those the last. -1: none is free. */
function bestLinked(
  seeds: Int32Array,
  cosines: Float64Array,
  free: ReadonlySet<number>,
  linkCut: number,
): number {
  const n = seeds.length;
  const open = Int32Array.from(seeds.keys()).filter((a) => free.has(seeds[a]!));
  let best = -1;
  let mostLinks = -1;
  let mostSimilar = 0;
  for (const a of open) {
    let links = 0;
    let similarity = 0;
    for (const b of open) {
      const cosine = cosines[a * n + b]!;
      similarity += cosine;
      if (cosine > linkCut) links += 1;
    }
    if (links > mostLinks || (links === mostLinks && similarity >= mostSimilar)) {
      best = a;
      mostLinks = links;
      mostSimilar = similarity;
    }
  }
  return best;
}

function evenSample(images: Int32Array, most: number): Int32Array {
  if (images.length <= most) return images;
  return Int32Array.from({ length: most }, (_, i) => images[Math.floor((i * images.length) / most)]!);
}
