import type { SeededRandom } from '../seeded-random.ts';
import { attenuation } from './centre-attenuation.ts';
import { centreNormals } from './centre-normals.ts';
import type { FaceGroups } from './face-groups.ts';
import { robustNormalInPlace } from './median.ts';
import { FOUR, productsOfFour } from './row-products.ts';
import { NO_SUPPORT, type WeightedCentres } from './weighted-centres.ts';
import { whiten } from './within-class-whitening.ts';

/*
 * A round of scoring: every image against every identity. It is nearly all the work there is, and it is the same for each image: what
 * a round takes from all the others is in a plan that does not grow with them. So images can be scored in any portions, by anybody
 * who has the plan and the portion's embeddings, and the portions put together are what one would have got at once.
 *
 * Cosines are made comparable. Some centres are near everybody and some images (blurred ones) are near every centre, so a cosine is
 * measured in robust deviations of the cosines that strangers have: once among the images that are strangers to the centre, once
 * among the centres that are strangers to the image, and the mean of both counts ("s-norm" in speaker recognition).
 */

/** Strangers looked at per image, and images whose scores make up the null sample. */
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
/** The score of an image that has no other identity to be compared with. */
const NO_OTHER = -99;

/** What a round of scoring knows. An identity is its place among the A of them that have any weight. */
export interface ScoringPlan {
  readonly dimensions: number;
  /** What rows are whitened by before they are compared, lower triangular: [D, D]. None: rows are compared as they are. */
  readonly whitening?: Float64Array;
  /** Position of each identity: [A]. */
  readonly identities: Int32Array;
  /** Their centres: [A, D], unit rows. */
  readonly centres: Float64Array;
  /** Median cosine of strangers to each centre, and one over their deviation: [A]. */
  readonly median: Float64Array;
  readonly inverse: Float64Array;
  /** What a score against each is multiplied by to be what it would be against the mean of very many images: [A]. */
  readonly boost: Float64Array;
  /** Places of the identities that images are compared with. */
  readonly compared: Int32Array;
  /** Places of the identities that say how strangers lie to an image. */
  readonly strangers: Int32Array;
  /** Images, ascending, whose scores against others are the null sample. */
  readonly sampled: Int32Array;
}

/** The part of the data that is scored, image by image. */
export interface ScoringPortion {
  /** Number of the portion's first image in the data. */
  readonly first: number;
  /** Place of each image's own identity in the plan, -1 where it has none. */
  readonly home: Int32Array;
  /** Cosine of each image to its own identity without it; NaN without evidence. */
  readonly own: Float64Array;
  /** Unit row `index` of the portion, as the embeddings have it (not whitened). */
  read(index: number, into: Float64Array): void;
}

/** Scores of a portion; see `NullScores`. */
export interface ScoredPortion {
  readonly own: Float64Array;
  readonly best: Float64Array;
  readonly bestOther: Int32Array;
  readonly likeness: Float64Array;
  /** Scores of the sampled images against others: all of them, and the two kinds that `NullScores.strangers` has. */
  readonly nullSample: Float64Array;
  readonly strangersOwn: Float64Array;
  readonly strangersLikeness: Float64Array;
}

/**
 * @param options.minimumSupport Other identities need this total weight to be compared with, unless hardly any has it.
 * @param options.likeness Mean cosine of two images of one person: how much less is expected of means of few images.
 */
export function planScoring(
  faces: FaceGroups,
  { centres, support }: WeightedCentres,
  { minimumSupport, likeness }: { readonly minimumSupport: number; readonly likeness: number },
  random: SeededRandom,
): { readonly plan: ScoringPlan; readonly home: Int32Array } {
  const { images, identityOf, members, dimensions, whitened } = faces;
  const identities = Int32Array.from(members.keys()).filter((c) => support[c]! >= NO_SUPPORT);
  const rows = compactRows(centres, identities, dimensions);
  const placeOf = new Int32Array(members.length).fill(-1);
  identities.forEach((c, place) => {
    placeOf[c] = place;
  });
  const home = identityOf.map((c) => placeOf[c]!);
  const places = identities.map((_, place) => place);
  const supported = places.filter((place) => support[identities[place]!]! >= minimumSupport);
  const compared = supported.length >= Math.min(5, members.length) ? supported : places;
  const strangers = sample(identities.length, CENTRES_PER_IMAGE, random);
  const normals = centreNormals(faces, rows, home, random);
  const sampled = sample(
    images,
    Math.min(NULL_IMAGES, images, Math.ceil(NULL_SCORES / compared.length)),
    random,
  );
  return {
    plan: {
      dimensions,
      ...(whitened && { whitening: whitened.whitening }),
      identities,
      centres: rows,
      ...normals,
      boost: Float64Array.from(identities, (c) => 1 / attenuation(support[c]!, likeness)),
      compared,
      strangers,
      sampled: sampled.toSorted(),
    },
    home,
  };
}

/** Scores some of the images. Memory: [A], and the scores. */
export function scorePortion(plan: ScoringPlan, portion: ScoringPortion): ScoredPortion {
  const { identities, compared, boost } = plan;
  const { first, home } = portion;
  const images = home.length;
  const inSample = new Uint8Array(images);
  for (const image of plan.sampled) if (image >= first && image < first + images) inSample[image - first] = 1;
  const nullSample = new Float64Array(inSample.reduce((sum, is) => sum + is, 0) * compared.length);
  let nullCount = 0;
  const stride = Math.max(1, Math.ceil(compared.length / STRANGERS_PER_IMAGE));
  const strangersLikeness: number[] = [];
  const strangersOwn: number[] = [];
  const others = new Float64Array(compared.length);
  const likeness = new Float64Array(images).fill(Number.NaN);
  const own = new Float64Array(images).fill(Number.NaN);
  const best = new Float64Array(images).fill(NO_OTHER);
  const bestOther = new Int32Array(images);
  const ofStrangers = new Float64Array(plan.strangers.length);
  let i = -1;
  for (const cosines of cosinesOf(plan, portion)) {
    i += 1;
    const at = home[i]!;
    let count = 0;
    for (const place of plan.strangers) if (place !== at) ofStrangers[count++] = cosines[place]!;
    const { median, deviation } = robustNormalInPlace(ofStrangers.subarray(0, count));
    const inverse = 1 / (deviation + LEAST_DEVIATION);
    const normalised = (cosine: number, place: number): number =>
      ((cosine - plan.median[place]!) * plan.inverse[place]! + (cosine - median) * inverse) / 2;
    if (at >= 0) own[i] = normalised(portion.own[i]!, at);
    let most = NO_OTHER;
    let second = NO_OTHER;
    let where = 0;
    for (let c = 0; c < compared.length; c++) {
      const place = compared[c]!;
      others[c] = Number.NaN;
      if (place === at) continue;
      const other = normalised(cosines[place]!, place);
      others[c] = other;
      if (inSample[i]) nullSample[nullCount++] = other;
      const asOfMany = other * boost[place]!;
      if (asOfMany <= most) second = Math.max(second, asOfMany);
      else {
        second = most;
        most = asOfMany;
        where = place;
      }
    }
    // The pattern depends on the image's place in the data, not in the portion.
    for (let c = (first + i) % stride; inSample[i] && c < compared.length; c += stride) {
      const rival = compared[c] === where ? second : most;
      if (Number.isNaN(others[c]!)) continue;
      strangersOwn.push(others[c]!);
      strangersLikeness.push(others[c]! - RIVAL * rival);
    }
    likeness[i] = own[i]! - RIVAL * most;
    best[i] = most;
    bestOther[i] = identities[where]!;
  }
  return {
    own,
    best,
    bestOther,
    likeness,
    nullSample: nullSample.subarray(0, nullCount),
    strangersOwn: Float64Array.from(strangersOwn),
    strangersLikeness: Float64Array.from(strangersLikeness),
  };
}

/** Cosines of each image to all centres, image by image, in an array that is good until the next is asked for: [A]. */
function* cosinesOf(
  { dimensions, whitening, identities, centres }: ScoringPlan,
  portion: ScoringPortion,
): Generator<Float64Array, void> {
  const images = portion.home.length;
  const count = identities.length;
  const read = new Float64Array(dimensions);
  const rows = new Float64Array(FOUR * dimensions);
  const cosines = new Float64Array(FOUR * count);
  for (let begin = 0; begin < images; begin += FOUR) {
    const together = Math.min(FOUR, images - begin);
    for (let k = 0; k < together; k++) {
      const row = rows.subarray(k * dimensions, (k + 1) * dimensions);
      portion.read(begin + k, whitening === undefined ? row : read);
      if (whitening !== undefined) whiten(whitening, read, row);
    }
    productsOfFour(rows, centres, count, cosines);
    for (let k = 0; k < together; k++) yield cosines.subarray(k * count, (k + 1) * count);
  }
}

function compactRows(rows: Float64Array, chosen: Int32Array, dimensions: number): Float64Array {
  const compact = new Float64Array(chosen.length * dimensions);
  chosen.forEach((row, at) => {
    compact.set(rows.subarray(row * dimensions, (row + 1) * dimensions), at * dimensions);
  });
  return compact;
}

function sample(length: number, most: number, random: SeededRandom): Int32Array {
  return random.permutation(length).subarray(0, most);
}
