import type { SeededRandom } from '../seeded-random.ts';
import type { FaceGroups } from './face-groups.ts';
import { type RobustNormal, robustNormalInPlace } from './median.ts';
import { productsWithRows } from './row-products.ts';
import { NO_SUPPORT, type WeightedCentres } from './weighted-centres.ts';

/*
 * Cosines, made comparable. Some centres are near everybody and some images (blurred ones) are near every centre, so a cosine is
 * measured in robust deviations of the cosines that strangers have: once among the images that are strangers to the centre, once
 * among the centres that are strangers to the image, and the mean of both counts ("s-norm" in speaker recognition).
 *
 * Centres are passed one image at a time; the full matrix of images by identities is never held.
 */

/** Strangers looked at per centre and per image, and images whose scores make up the null sample. */
const IMAGES_PER_CENTRE = 4000;
const CENTRES_PER_IMAGE = 400;
const NULL_IMAGES = 3000;
/** The null sample's size, at most: with very many identities it is taken from fewer images. */
const NULL_SCORES = 8_000_000;
/** Keeps a deviation off zero. */
const LEAST_DEVIATION = 1e-6;

export interface NullScores {
  /** Normalised score of each image against its own identity; NaN without evidence. */
  readonly own: Float64Array;
  /** Its best normalised score against another supported identity; -99 without one. */
  readonly best: Float64Array;
  /** That identity, the first of equal ones. */
  readonly bestOther: Int32Array;
  /** Of normalised scores of images against identities that are not theirs. */
  readonly nullNormal: RobustNormal;
}

/** @param minimumSupport Other identities need this total weight to be compared with, unless hardly any has it. */
export function nullScores(
  faces: FaceGroups,
  { centres, support, own }: WeightedCentres,
  minimumSupport: number,
  random: SeededRandom,
): NullScores {
  const { images, identityOf, members } = faces;
  const classes = members.length;
  const alive = Array.from(members.keys()).filter((c) => support[c]! >= NO_SUPPORT);
  const supported = alive.filter((c) => support[c]! >= minimumSupport);
  const compared = supported.length >= Math.min(5, classes) ? supported : alive;

  const perCentre = centreNormals(faces, centres, sample(images, IMAGES_PER_CENTRE, random));
  const strangers = sample(classes, CENTRES_PER_IMAGE, random).filter((c) => support[c]! >= NO_SUPPORT);
  const nullImages = Math.min(NULL_IMAGES, images, Math.ceil(NULL_SCORES / Math.max(1, compared.length)));
  const inNullSample = new Uint8Array(images);
  for (const image of sample(images, nullImages, random)) inNullSample[image] = 1;
  const nullSample = new Float64Array(nullImages * compared.length);
  let nullCount = 0;

  const ownScore = new Float64Array(images).fill(Number.NaN);
  const best = new Float64Array(images).fill(-99);
  const bestOther = new Int32Array(images);
  const row = new Float64Array(faces.dimensions);
  const cosines = new Float64Array(classes);
  const ofStrangers = new Float64Array(strangers.length);
  for (let i = 0; i < images; i++) {
    const home = identityOf[i]!;
    readRow(faces, i, row);
    productsWithRows(row, centres, 0, classes, cosines);
    let count = 0;
    for (const c of strangers) if (c !== home) ofStrangers[count++] = cosines[c]!;
    const image = robustNormalInPlace(ofStrangers.subarray(0, count));
    const score = (cosine: number, c: number): number => {
      const centre = perCentre[c]!;
      const amongImages = (cosine - centre.median) / (centre.deviation + LEAST_DEVIATION);
      const amongCentres = (cosine - image.median) / (image.deviation + LEAST_DEVIATION);
      return (amongImages + amongCentres) / 2;
    };
    if (support[home]! >= NO_SUPPORT) ownScore[i] = score(own[i]!, home);
    for (const c of compared) {
      if (c === home) continue;
      const other = score(cosines[c]!, c);
      if (!Number.isFinite(other)) continue;
      if (other > best[i]!) {
        best[i] = other;
        bestOther[i] = c;
      }
      if (inNullSample[i]) nullSample[nullCount++] = other;
    }
  }
  return {
    own: ownScore,
    best,
    bestOther,
    nullNormal: robustNormalInPlace(nullSample.subarray(0, nullCount)),
  };
}

/** Centres whose sampled cosines are held at a time. */
const CENTRES_AT_A_TIME = 256;

/** How strangers among the sampled images lie to each centre. */
function centreNormals(faces: FaceGroups, centres: Float64Array, sampled: Int32Array): RobustNormal[] {
  const classes = faces.members.length;
  const normals: RobustNormal[] = [];
  const row = new Float64Array(faces.dimensions);
  const block = new Float64Array(sampled.length * Math.min(classes, CENTRES_AT_A_TIME));
  const column = new Float64Array(sampled.length);
  for (let from = 0; from < classes; from += CENTRES_AT_A_TIME) {
    const width = Math.min(CENTRES_AT_A_TIME, classes - from);
    sampled.forEach((image, i) => {
      readRow(faces, image, row);
      productsWithRows(row, centres, from, width, block.subarray(i * width, (i + 1) * width));
    });
    for (let c = 0; c < width; c++) {
      let count = 0;
      sampled.forEach((image, i) => {
        if (faces.identityOf[image] !== from + c) column[count++] = block[i * width + c]!;
      });
      normals.push(robustNormalInPlace(column.subarray(0, count)));
    }
  }
  return normals;
}

function readRow({ unit, dimensions }: FaceGroups, image: number, into: Float64Array): void {
  for (let d = 0; d < dimensions; d++) into[d] = unit[image * dimensions + d]!;
}

function sample(length: number, most: number, random: SeededRandom): Int32Array {
  return random.permutation(length).subarray(0, most);
}
