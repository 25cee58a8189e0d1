import type { SeededRandom } from '../seeded-random.ts';
import { dotRows, type FaceGroups } from './face-groups.ts';
import { type RobustNormal, robustNormalInPlace } from './median.ts';

/*
 * Are two groups of images one person? Their likeness (mean cosine of an image of one with an image of the other) is put on a scale
 * on which strangers are about 0 and two groups of one person about 1, whatever the network and the sizes; how far both scatter
 * is seen in this very data, from pairs of identities and from identities cut in two. That gives a probability.
 */

/** Images as a sum of unit rows, possibly weighted. */
export interface ImageGroup {
  readonly sum: Float64Array;
  readonly weight: number;
  /** Sum of the squared weights. */
  readonly squares: number;
}

export interface LikenessScale {
  /** Median cosine of two images of different label. */
  readonly impostorMedian: number;
  /** How much alike the images of one person typically are. */
  readonly cohesion: number;
  /** Relative likeness of two halves of an identity, and of two identities. */
  readonly genuine: RobustNormal;
  readonly impostor: RobustNormal;
}

const PAIRS = 20_000;
/** A half needs this many images to show anything. */
const FEWEST_IN_HALF = 2;
const LEAST_DEVIATION = 0.03;
/** Degrees of freedom of the t distributions: tails that a few look-alikes do not surprise. */
const FREEDOM = 6;

export function imageGroup(
  { unit, dimensions }: FaceGroups,
  images: Iterable<number>,
  weights?: Float64Array,
): ImageGroup {
  const sum = new Float64Array(dimensions);
  const row = new Float64Array(dimensions);
  let weight = 0;
  let squares = 0;
  for (const image of images) {
    const w = weights?.[image] ?? 1;
    weight += w;
    squares += w * w;
    unit.read(image, row);
    for (let d = 0; d < dimensions; d++) sum[d]! += w * row[d]!;
  }
  return { sum, weight, squares };
}

/** Mean cosine of two different images of a group; NaN of a single one. */
export function cohesion({ sum, weight, squares }: ImageGroup): number {
  const pairs = weight * weight - squares;
  return pairs > 1e-9 ? (dotRows(sum, 0, sum, 0, sum.length) - squares) / pairs : Number.NaN;
}

/** Mean cosine of an image of one group with an image of the other. */
export function likeness(a: ImageGroup, b: ImageGroup): number {
  return dotRows(a.sum, 0, b.sum, 0, a.sum.length) / (a.weight * b.weight);
}

/** About 0 for strangers, about 1 for two groups of one person. */
export function relativeLikeness(
  a: ImageGroup,
  b: ImageGroup,
  { impostorMedian, cohesion: usual }: Pick<LikenessScale, 'impostorMedian' | 'cohesion'>,
): number {
  const own = [cohesion(a), cohesion(b)].map((value) => (Number.isNaN(value) ? usual : value));
  const within = (own[0]! + own[1]!) / 2;
  return (likeness(a, b) - impostorMedian) / Math.max(within - impostorMedian, 1e-3);
}

/** @param core Images of each identity that are taken to be right. */
export function calibrateLikeness(
  faces: FaceGroups,
  core: readonly ArrayLike<number>[],
  impostorMedian: number,
  random: SeededRandom,
): LikenessScale {
  const groups = core.map((images) => imageGroup(faces, Array.from(images)));
  const cohesions = Float64Array.from(groups.map(cohesion).filter((value) => !Number.isNaN(value)));
  const usual = cohesions.length > 0 ? robustNormalInPlace(cohesions).median : 1;
  const base = { impostorMedian, cohesion: usual };
  const genuine = core.flatMap((images) => {
    const all = Array.from(images);
    const halves = [all.filter((_, i) => i % 2 === 0), all.filter((_, i) => i % 2 === 1)] as const;
    if (halves[1].length < FEWEST_IN_HALF) return [];
    return [relativeLikeness(imageGroup(faces, halves[0]), imageGroup(faces, halves[1]), base)];
  });
  const peopled = groups.filter(({ weight }) => weight >= FEWEST_IN_HALF);
  const impostor: number[] = [];
  if (peopled.length > 1) {
    const pairs = Math.min(PAIRS, 20 * peopled.length);
    for (let i = 0; i < pairs; i++) {
      const a = random.integer(peopled.length);
      const b = (a + 1 + random.integer(peopled.length - 1)) % peopled.length;
      impostor.push(relativeLikeness(peopled[a]!, peopled[b]!, base));
    }
  }
  return { ...base, genuine: spread(genuine, 1), impostor: spread(impostor, 0) };
}

function spread(values: readonly number[], centre: number): RobustNormal {
  if (values.length < 5) return { median: centre, deviation: 0.2 };
  const { median, deviation } = robustNormalInPlace(Float64Array.from(values));
  return { median, deviation: Math.max(deviation, LEAST_DEVIATION) };
}

/** @param priorOdds Of two such groups being one person before anything is known of their likeness. */
export function samePersonProbability(
  { genuine, impostor }: LikenessScale,
  relative: number,
  priorOdds: number,
): number {
  // More alike than the halves of one identity is no evidence against being one person, nor the other way round.
  const logOdds =
    Math.log(priorOdds) +
    logStudent(Math.min(relative, genuine.median), genuine) -
    logStudent(Math.max(relative, impostor.median), impostor);
  return 1 / (1 + Math.exp(-logOdds));
}

/** Log density of a t distribution, up to a constant that is the same for all. */
function logStudent(x: number, { median, deviation }: RobustNormal): number {
  const z = (x - median) / deviation;
  return -Math.log(deviation) - ((FREEDOM + 1) / 2) * Math.log1p((z * z) / FREEDOM);
}
