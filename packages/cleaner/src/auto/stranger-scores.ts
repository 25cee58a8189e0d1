import { identitiesFromLabels } from '../identity.ts';
import type { Audit } from '../score.ts';
import { seededRandom } from '../seeded-random.ts';
import type { AutoInput, AutoOptions } from './auto-scores.ts';
import { type FaceGroups, groupFaces } from './face-groups.ts';
import { nullScores, scoreAtOnce } from './null-scores.ts';
import { type StrangerCut, strangerCut } from './stranger-cut.ts';
import { weightedCentres } from './weighted-centres.ts';
import { whitenedFaces, withinClassWhitening } from './within-class-whitening.ts';

/*
 * How like its own identity every image is beside known strangers, for networks that were trained on the very labels that are judged.
 * A few rounds: leave-one-out scores to weighted centres, made comparable, a cut, and from it the next weights. After the first rounds it
 * is known well enough which images are right to see what images of one person differ in; from then on rows are whitened by that, anew
 * in each round.
 */

/** Arrays are in data order. */
export interface StrangerScores extends StrangerCut {
  /**
   * How much an image is its own identity's rather than another's: its score against its identity without itself, less half of that
   * against the best other, in robust deviations of strangers; NaN for an identity's only image.
   */
  readonly likeness: Float64Array;
}

const ROUNDS = 6;
/** So many rounds take rows as they are, the others whitened. */
const ROUNDS_AS_THEY_ARE = 2;
/** No image ever counts less than this in the centre of its identity, so that an identity cannot fade away between rounds. */
const LEAST_WEIGHT = 0.02;
/** Other identities need the weight of this many right images to be rivals. */
const MINIMUM_SUPPORT = 0.5;

/**
 * @throws {CleanerError} `too-few-identities` (fewer than two), `shape-mismatch`, `not-finite`, `identity-mismatch`.
 */
export function strangerScores(
  input: AutoInput,
  { seed = 0, scoreRound = scoreAtOnce }: Pick<AutoOptions, 'seed' | 'scoreRound'> = {},
): StrangerScores {
  const { embeddings, dimensions, labels, identities = identitiesFromLabels(labels) } = input;
  const faces = groupFaces(embeddings, dimensions, labels, identities);
  const random = seededRandom(seed);
  let right = new Float64Array(faces.images).fill(1);
  for (let round = 1; ; round++) {
    const compared = round > ROUNDS_AS_THEY_ARE ? whitened(faces, right) : faces;
    const weights = right.map((p) => Math.max(p, LEAST_WEIGHT));
    const scores = nullScores(
      compared,
      weightedCentres(compared, weights),
      { minimumSupport: MINIMUM_SUPPORT, likeness: 1 },
      random,
      scoreRound,
    );
    const { own, likeness, strangers } = scores;
    const cut = strangerCut(
      { images: likeness, strangers: strangers.likeness },
      { images: own, strangers: strangers.own },
    );
    if (round === ROUNDS) return { likeness, ...cut };
    right = cut.pBad.map((p) => 1 - p);
  }
}

/** @param right How likely each image is right. @returns The faces as they are, where images of one identity do not differ. */
function whitened(faces: FaceGroups, right: Float64Array): FaceGroups {
  const whitening = withinClassWhitening(faces, right);
  return whitening === undefined ? faces : whitenedFaces(faces, whitening);
}

/**
 * Adds what the rule `self-trained` decides by to an audit.
 *
 * @throws {CleanerError} As `strangerScores`.
 */
export function withStrangerScores(
  audit: Audit,
  input: Pick<AutoInput, 'embeddings' | 'dimensions'>,
  options?: Pick<AutoOptions, 'seed' | 'scoreRound'>,
): Audit & { readonly strangers: StrangerScores } {
  const { labels, identities } = audit;
  return { ...audit, strangers: strangerScores({ ...input, labels, identities }, options) };
}
