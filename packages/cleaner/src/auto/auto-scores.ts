import { CleanerError } from '../cleaner-error.ts';
import type { Embeddings } from '../embedding-rows.ts';
import { type Identity, identitiesFromLabels } from '../identity.ts';
import { seededRandom } from '../seeded-random.ts';
import { attenuation, usualLikeness } from './centre-attenuation.ts';
import { type ClassModes, findDominantModes } from './dominant-modes.ts';
import { type FaceGroups, groupFaces } from './face-groups.ts';
import { findLinkCut } from './link-cut.ts';
import { type MergeProposal, proposeMerges } from './merge-proposals.ts';
import { nullScores, type ScoreRound, scoreAtOnce } from './null-scores.ts';
import { calibrateLikeness } from './person-likeness.ts';
import { findSecondPersons } from './second-person.ts';
import { proposeSplits, type SplitProposal } from './split-proposals.ts';
import { threeWayPosterior } from './three-way-posterior.ts';
import { weightedCentres } from './weighted-centres.ts';

/*
 * The automatic rule's view of every image, from embeddings and labels alone: no training, no threshold to choose.
 *
 *   1. link cut          which cosine makes two images one person          link-cut.ts
 *   2. modes             groups of look-alikes within an identity          class-modes.ts
 *   3. explain away      modes that are another identity's                 dominant-modes.ts
 *   4. second person     modes that are a stranger's                       second-person.ts
 *   5. four rounds of    leave-one-out scores to weighted centres,         weighted-centres.ts
 *                        made comparable,                                  scoring-round.ts, null-scores.ts
 *                        three-way posterior, which are the next weights   three-way-posterior.ts
 *
 * Deciding (step 6) is `decide` with the rule `{ kind: 'auto' }`.
 */

export interface AutoInput {
  /**
   * [N, D], row after row, or rows to be read; they need not be normalised. Best from a network that was not trained on these labels.
   */
  readonly embeddings: Embeddings;
  /** D. */
  readonly dimensions: number;
  readonly labels: Int32Array;
  /** Default: by ascending label. */
  readonly identities?: readonly Identity[];
}

export interface AutoOptions {
  /** For samples, where there are more than 4000 images, 400 identities or about 900 images' pairs. Default 0. */
  readonly seed?: number;
  /** Default: found from the data. */
  readonly linkCut?: number;
  /**
   * Scores the images of each round, all of them, in data order, in as many portions as one likes: `scorePortion` on each. For work that
   * is divided. Default: here and now.
   */
  readonly scoreRound?: ScoreRound;
}

/** What the automatic rule knows. Arrays are in data order; the three probabilities of an image sum to one. */
export interface AutoScores {
  /** Cosines above this make two images of an identity look-alikes. */
  readonly linkCut: number;
  /** The image shows the person of its label. */
  readonly pClean: Float64Array;
  /** It shows somebody who is none of the identities. */
  readonly pOutsider: Float64Array;
  /** It shows the person of another label. */
  readonly pElsewhere: Float64Array;
  /** That other label: the best guess, whatever the probability. */
  readonly elsewhere: Int32Array;
  /** 0, or the number (1, 2, ...) of the other person in the image's folder that the image shows. */
  readonly secondPerson: Int32Array;
  /** Groups of look-alikes within each identity, and which of them the identity is taken to be. */
  readonly modes: readonly ClassModes[];
  /** Identities that look like one person, the most alike first. */
  readonly merges: readonly MergeProposal[];
  /** Second persons in folders, in the order of the identities. */
  readonly splits: readonly SplitProposal[];
}

const ROUNDS = 4;
/** Before anything is known: share of bad images. */
const BAD_AT_FIRST = 0.2;
/** No image ever counts less than this, so that an identity cannot fade away between rounds. */
const LEAST_WEIGHT = 0.02;
/** Other identities need this total weight (two and a half good images) to be suggested. */
const MINIMUM_SUPPORT = 0.5;

/**
 * Judges every image by its neighbours.
 *
 * @throws {CleanerError} `too-few-identities` (fewer than two), `shape-mismatch`, `not-finite`, `identity-mismatch`,
 *   `invalid-option`.
 */
export function autoScores(input: AutoInput, options: AutoOptions = {}): AutoScores {
  const identities = input.identities ?? identitiesFromLabels(input.labels);
  const faces = groupFaces(input.embeddings, input.dimensions, input.labels, identities);
  const random = seededRandom(options.seed ?? 0);
  const found = findLinkCut(faces, random);
  const linkCut = options.linkCut ?? found.linkCut;
  if (!Number.isFinite(linkCut)) {
    throw new CleanerError('invalid-option', `linkCut must be a finite cosine, found ${linkCut}`);
  }
  const modes = findDominantModes(faces, linkCut);
  const secondPerson = findSecondPersons(faces, modes, found.impostorMedian);

  const likeness = usualLikeness(
    faces,
    modes.map(({ modes: of, dominant }) => of[dominant]),
  );

  let weights = dominantWeights(faces, modes);
  let badAlone = new Float64Array(faces.images).fill(BAD_AT_FIRST);
  for (let round = 1; ; round++) {
    const centres = weightedCentres(faces, weights);
    const scores = nullScores(
      faces,
      centres,
      { minimumSupport: MINIMUM_SUPPORT, likeness },
      random,
      options.scoreRound ?? scoreAtOnce,
    );
    const evidence = {
      attenuation: weights.map((weight, i) =>
        attenuation(centres.support[faces.identityOf[i]!]! - weight, likeness),
      ),
      doubt: doubtOfCentres(faces, badAlone),
      size: faces.identityOf.map((identity) => faces.members[identity]!.length),
    };
    const { pBadAlone, ...posterior } = threeWayPosterior(scores, evidence);
    if (round === ROUNDS) {
      const elsewhere = scores.bestOther.map((position) => identities[position]!.label);
      const core = faces.members.map((images) =>
        images.filter((image) => secondPerson[image] === 0 && posterior.pClean[image]! > 0.5),
      );
      const scale = calibrateLikeness(faces, core, found.impostorMedian, random);
      const merges = proposeMerges(faces, identities, centres, weights, scale, {
        linkCut,
        minimumSupport: MINIMUM_SUPPORT,
      });
      const splits = proposeSplits(
        faces,
        identities,
        { classModes: modes, secondPerson, pElsewhere: posterior.pElsewhere },
        scale,
      );
      return { linkCut, ...posterior, elsewhere, secondPerson, modes, merges, splits };
    }
    badAlone = pBadAlone.map((p, i) => (secondPerson[i]! > 0 ? 1 : p));
    weights = posterior.pClean.map((p, i) =>
      secondPerson[i]! > 0 ? LEAST_WEIGHT : Math.max(p, LEAST_WEIGHT),
    );
  }
}

/**
 * For every image, the probability that no other image of its identity is right. The others are taken as they would be judged alone: that
 * this image is not like them is what is to be explained, and must not be counted twice.
 */
function doubtOfCentres({ images, members }: FaceGroups, badAlone: Float64Array): Float64Array {
  const doubt = new Float64Array(images);
  const logBad = (image: number): number => Math.log(Math.max(1e-9, badAlone[image]!));
  for (const own of members) {
    const all = own.reduce((sum, image) => sum + logBad(image), 0);
    for (const image of own) doubt[image] = Math.min(1, Math.exp(all - logBad(image)));
  }
  return doubt;
}

function dominantWeights(faces: FaceGroups, classModes: readonly ClassModes[]): Float64Array {
  const weights = new Float64Array(faces.images);
  for (const { modes, dominant } of classModes) for (const image of modes[dominant] ?? []) weights[image] = 1;
  return weights;
}
