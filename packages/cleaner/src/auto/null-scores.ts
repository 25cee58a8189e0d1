import type { SeededRandom } from '../seeded-random.ts';
import type { FaceGroups } from './face-groups.ts';
import { type RobustNormal, robustNormalInPlace } from './median.ts';
import {
  planScoring,
  type ScoredPortion,
  type ScoringPlan,
  type ScoringPortion,
  scorePortion,
} from './scoring-round.ts';
import type { WeightedCentres } from './weighted-centres.ts';

/*
 * The scores of all images in a round, and how strangers score.
 */

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

/** A round that is to be scored. */
export interface ScoringRound {
  readonly plan: ScoringPlan;
  /** All images. */
  readonly images: ScoringPortion;
}

/** Scores a round: all its images, in portions that follow each other. */
export type ScoreRound = (round: ScoringRound) => Iterable<ScoredPortion>;

/** Here and now. */
export const scoreAtOnce: ScoreRound = ({ plan, images }) => [scorePortion(plan, images)];

/**
 * @param options.minimumSupport Other identities need this total weight to be compared with, unless hardly any has it.
 * @param options.likeness Mean cosine of two images of one person: how much less is expected of means of few images.
 */
export function nullScores(
  faces: FaceGroups,
  centres: WeightedCentres,
  options: { readonly minimumSupport: number; readonly likeness: number },
  random: SeededRandom,
  scoreRound: ScoreRound,
): NullScores {
  const { plan, home } = planScoring(faces, centres, options, random);
  const { read } = faces.whitened?.from ?? faces.unit;
  const images = { first: 0, home, own: centres.own, read };
  const portions = [...scoreRound({ plan, images })];
  const joined = (of: (portion: ScoredPortion) => Float64Array): Float64Array =>
    joinInto(Float64Array, portions.map(of));
  return {
    own: joined(({ own }) => own),
    best: joined(({ best }) => best),
    bestOther: joinInto(
      Int32Array,
      portions.map(({ bestOther }) => bestOther),
    ),
    likeness: joined(({ likeness }) => likeness),
    strangers: {
      likeness: joined(({ strangersLikeness }) => strangersLikeness),
      own: joined(({ strangersOwn }) => strangersOwn),
    },
    nullNormal: robustNormalInPlace(joined(({ nullSample }) => nullSample)),
  };
}

function joinInto<T extends Float64Array | Int32Array>(
  Kind: new (length: number) => T,
  parts: readonly T[],
): T {
  const whole = new Kind(parts.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    whole.set(part, filled);
    filled += part.length;
  }
  return whole;
}
