import type { SeededRandom } from '../seeded-random.ts';
import { attenuation } from './centre-attenuation.ts';
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
/** Identities that an image of that sample is held against as a stranger. */
const STRANGERS_PER_IMAGE = 12;
/** What the best other identity counts for in how like its own an image is. */
const RIVAL = 0.5;
/** Keeps a deviation off zero. */
const LEAST_DEVIATION = 1e-6;

export interface NullScores {
  /** Normalised score of each image against its own identity; NaN without evidence. */
  readonly own: Float64Array;
  /**
   * Its best normalised score against another supported identity, as if that were the mean of very many images; -99
   * without one.
   */
  readonly best: Float64Array;
  /** That identity, the first of equal ones. */
  readonly bestOther: Int32Array;
  /** How much each image is its own identity's rather than another's: own less half of the best other; NaN without evidence. */
  readonly likeness: Float64Array;
  /** The two scores of a sample of images against identities that are not theirs: as `likeness`, and as `own`. */
  readonly strangers: { readonly likeness: Float64Array; readonly own: Float64Array };
  /** Of normalised scores of images against identities that are not theirs. */
  readonly nullNormal: RobustNormal;
}

/**
 * @param options.minimumSupport Other identities need this total weight to be compared with, unless hardly any has it.
 * @param options.likeness Mean cosine of two images of one person: how much less is expected of means of few images.
 */
export function nullScores(
  faces: FaceGroups,
  centres: WeightedCentres,
  { minimumSupport, likeness }: { readonly minimumSupport: number; readonly likeness: number },
  random: SeededRandom,
): NullScores {
  const { images, identityOf, members } = faces;
  const alive = Int32Array.from(members.keys()).filter((c) => centres.support[c]! >= NO_SUPPORT);
  const rows = compactRows(centres.centres, alive, faces.dimensions);
  const homeOf = new Int32Array(members.length).fill(-1);
  alive.forEach((c, at) => {
    homeOf[c] = at;
  });
  // From here on an identity is its place among those alive.
  const places = alive.map((_, at) => at);
  const supported = places.filter((at) => centres.support[alive[at]!]! >= minimumSupport);
  const compared = supported.length >= Math.min(5, members.length) ? supported : places;
  const boost = Float64Array.from(alive, (c) => 1 / attenuation(centres.support[c]!, likeness));
  const strangers = sample(alive.length, CENTRES_PER_IMAGE, random);
  const amongImages = centreNormals(
    faces,
    rows,
    homeOf,
    alive.length,
    sample(images, IMAGES_PER_CENTRE, random),
  );

  const nullImages = Math.min(NULL_IMAGES, images, Math.ceil(NULL_SCORES / compared.length));
  const inNullSample = new Uint8Array(images);
  for (const image of sample(images, nullImages, random)) inNullSample[image] = 1;
  const nullSample = new Float64Array(nullImages * compared.length);
  let nullCount = 0;

  const stride = Math.max(1, Math.ceil(compared.length / STRANGERS_PER_IMAGE));
  const strangersLikeness: number[] = [];
  const strangersOwn: number[] = [];
  const others = new Float64Array(compared.length);
  const ownLikeness = new Float64Array(images).fill(Number.NaN);
  const ownScore = new Float64Array(images).fill(Number.NaN);
  const best = new Float64Array(images).fill(-99);
  const bestOther = new Int32Array(images);
  const row = new Float64Array(faces.dimensions);
  const cosines = new Float64Array(alive.length);
  const ofStrangers = new Float64Array(strangers.length);
  for (let i = 0; i < images; i++) {
    const home = homeOf[identityOf[i]!]!;
    readRow(faces, i, row);
    productsWithRows(row, rows, 0, alive.length, cosines);
    let count = 0;
    for (const at of strangers) if (at !== home) ofStrangers[count++] = cosines[at]!;
    const { median, deviation } = robustNormalInPlace(ofStrangers.subarray(0, count));
    const amongCentres = 1 / (deviation + LEAST_DEVIATION);
    if (home >= 0) {
      const toHome = (centres.own[i]! - amongImages.median[home]!) * amongImages.inverse[home]!;
      ownScore[i] = (toHome + (centres.own[i]! - median) * amongCentres) / 2;
    }
    let most = -99;
    let second = -99;
    let where = 0;
    for (let place = 0; place < compared.length; place++) {
      const at = compared[place]!;
      others[place] = Number.NaN;
      if (at === home) continue;
      const cosine = cosines[at]!;
      const toCentre = (cosine - amongImages.median[at]!) * amongImages.inverse[at]!;
      const other = (toCentre + (cosine - median) * amongCentres) / 2;
      others[place] = other;
      if (inNullSample[i]) nullSample[nullCount++] = other;
      const asOfMany = other * boost[at]!;
      if (asOfMany <= most) second = Math.max(second, asOfMany);
      else {
        second = most;
        most = asOfMany;
        where = at;
      }
    }
    for (let place = i % stride; inNullSample[i] && place < compared.length; place += stride) {
      const rival = compared[place] === where ? second : most;
      if (Number.isNaN(others[place]!)) continue;
      strangersOwn.push(others[place]!);
      strangersLikeness.push(others[place]! - RIVAL * rival);
    }
    ownLikeness[i] = ownScore[i]! - RIVAL * most;
    best[i] = most;
    bestOther[i] = alive[where]!;
  }
  const nullNormal = robustNormalInPlace(nullSample.subarray(0, nullCount));
  const strangersOf = {
    likeness: Float64Array.from(strangersLikeness),
    own: Float64Array.from(strangersOwn),
  };
  return { own: ownScore, best, bestOther, likeness: ownLikeness, strangers: strangersOf, nullNormal };
}

/** How strangers lie to each centre: [centres], the spread as one over it. */
interface CentreNormals {
  readonly median: Float64Array;
  readonly inverse: Float64Array;
}

/** Centres whose sampled cosines are held at a time. */
const CENTRES_AT_A_TIME = 256;

function centreNormals(
  faces: FaceGroups,
  rows: Float64Array,
  homeOf: Int32Array,
  count: number,
  sampled: Int32Array,
): CentreNormals {
  const normals = { median: new Float64Array(count), inverse: new Float64Array(count) };
  const row = new Float64Array(faces.dimensions);
  const block = new Float64Array(sampled.length * Math.min(count, CENTRES_AT_A_TIME));
  const column = new Float64Array(sampled.length);
  const homes = sampled.map((image) => homeOf[faces.identityOf[image]!]!);
  for (let from = 0; from < count; from += CENTRES_AT_A_TIME) {
    const width = Math.min(CENTRES_AT_A_TIME, count - from);
    for (let i = 0; i < sampled.length; i++) {
      readRow(faces, sampled[i]!, row);
      productsWithRows(row, rows, from, width, block.subarray(i * width, (i + 1) * width));
    }
    for (let c = 0; c < width; c++) {
      let strangers = 0;
      for (let i = 0; i < sampled.length; i++) {
        if (homes[i] !== from + c) column[strangers++] = block[i * width + c]!;
      }
      const { median, deviation } = robustNormalInPlace(column.subarray(0, strangers));
      // An identity so large that the sample is all its own has no strangers: what is usual stands in for them.
      normals.median[from + c] = strangers > 0 ? median : 0;
      normals.inverse[from + c] =
        1 / ((strangers > 0 ? deviation : Math.sqrt(1 / faces.dimensions)) + LEAST_DEVIATION);
    }
  }
  return normals;
}

function compactRows(rows: Float64Array, chosen: Int32Array, dimensions: number): Float64Array {
  const compact = new Float64Array(chosen.length * dimensions);
  chosen.forEach((row, at) => {
    compact.set(rows.subarray(row * dimensions, (row + 1) * dimensions), at * dimensions);
  });
  return compact;
}

function readRow({ unit, dimensions }: FaceGroups, image: number, into: Float64Array): void {
  for (let d = 0; d < dimensions; d++) into[d] = unit[image * dimensions + d]!;
}

function sample(length: number, most: number, random: SeededRandom): Int32Array {
  return random.permutation(length).subarray(0, most);
}
