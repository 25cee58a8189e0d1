import type { AutoScores } from './auto/auto-scores.ts';
import type { StrangerScores } from './auto/stranger-scores.ts';
import { CleanerError } from './cleaner-error.ts';
import { type Identity, identitiesFromLabels, identityOfImages } from './identity.ts';
import { rowNorms, rowsOf } from './row-norms.ts';
import type { Verdict } from './rules/verdicts.ts';
import {
  type ClassOrder,
  classOfIdentities,
  countClasses,
  type SubcenterWeights,
} from './subcenter-weights.ts';
import type { TrainingScores } from './training-margins.ts';

/*
 * The first of the two steps of cleaning: how every image lies to the sub-centres of its identity. Nothing is decided
 * here, so that thresholds can be swept and people can overrule. What it computes is what the reference's drop script
 * does: every image votes for its nearest sub-centre, the sub-centre with most votes is dominant, and the angle to the
 * dominant one is the score. Inner products are float64.
 */

export interface ScoreInput {
  /** [N, D], row after row, need not be normalised. A zero row is at 90 degrees from everything. */
  readonly embeddings: Float32Array | Float64Array;
  /** D. */
  readonly dimensions: number;
  /** The label of every image. */
  readonly labels: Int32Array;
  /** In the order in which the output lists them. Default: by ascending label. */
  readonly identities?: readonly Identity[];
  readonly subcenters: SubcenterWeights;
  /** Key of an image in the data (a record's key, a path). Default: its position. */
  readonly key?: (image: number) => number | string;
  /**
   * The dominant sub-centre of every identity, where it is known already: for rows that stand in for trained sub-centres. Default: the one
   * with most votes.
   */
  readonly dominant?: ArrayLike<number>;
  /**
   * Labels and positions may differ (gaps); then the embeddings themselves show if the rows are in the other order than the one
   * stated, and `class-order` is thrown. True trusts the statement. Default false.
   */
  readonly trustClassOrder?: boolean;
}

/** An identity as its images vote. */
export interface AuditedIdentity extends Identity {
  /** Images nearest to each sub-centre: [K]. */
  readonly votes: Int32Array;
  /** The sub-centre with most votes, the first on a tie. 0 for an identity without images. */
  readonly dominant: number;
}

/** How every image lies to the sub-centres of its identity. All arrays are in data order. */
export interface Audit {
  /** Number of images, N. */
  readonly images: number;
  /** Sub-centres per identity, K. */
  readonly subcenters: number;
  readonly labels: Int32Array;
  readonly identities: readonly AuditedIdentity[];
  /** Position of each image's identity. */
  readonly identityOf: Int32Array;
  /** The sub-centre of its identity each image is nearest to, the first on a tie. */
  readonly nearest: Int32Array;
  /** Cosine to the dominant sub-centre. */
  readonly cosine: Float64Array;
  /** Cosine to the nearest sub-centre. */
  readonly cosineNearest: Float64Array;
  readonly key: (image: number) => number | string;
  /** What the automatic rule needs, when it was computed. */
  readonly auto?: AutoScores;
  /** How like its identity every image is beside known strangers, when it was computed. */
  readonly strangers?: StrangerScores;
  /** What the training run that made the embeddings recorded, when it was added. */
  readonly training?: TrainingScores;
  /** What was decided before, when this audit was read from its rows. */
  readonly recorded?: RecordedVerdicts;
}

/** Verdicts of an audit that was written down, by image. */
export interface RecordedVerdicts {
  readonly verdicts: readonly Verdict[];
  readonly reasons: readonly string[];
  /** Probability of showing the person of the label; NaN where a row had none. */
  readonly pClean?: Float64Array;
  /** The label that a row suggests instead; -1 where it suggests none. */
  readonly suggestedLabel: Int32Array;
  /** The other label whose person an image is most like; -1 where a row had none. */
  readonly otherLabel: Int32Array;
  /** The label whose identity an image was moved to; -1 where it was not. */
  readonly movedTo: Int32Array;
  /** The second person of its identity that an image was split off with; 0 where it was not. */
  readonly splitPerson: Int32Array;
}

/** Angle of a cosine, degrees; rounding outside [-1, 1] is taken back. */
export function degreesOf(cosine: number): number {
  return (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI;
}

/**
 * Scores images against the sub-centres of their own identity. Deng et al., "Sub-center ArcFace", ECCV 2020, section 3.3.
 *
 * @throws {CleanerError} `shape-mismatch`, `not-finite`, `identity-mismatch`, `subcenters-mismatch`, `class-order`,
 *   `invalid-label`.
 */
export function score(input: ScoreInput): Audit {
  const scorer = new SubcenterScorer(input);
  scorer.add(input.embeddings);
  return scorer.finish();
}

/** What {@link SubcenterScorer} needs: all of {@link ScoreInput} but the embeddings, which come later. */
export type SubcenterScorerInput = Omit<ScoreInput, 'embeddings'>;

/**
 * `score` for embeddings that do not fit into memory: they are passed once, in data order, block after block, and none is kept. What
 * is kept of an image is its K cosines and a few numbers (8K + 40 bytes).
 */
export class SubcenterScorer {
  readonly #input: SubcenterScorerInput;
  readonly #identities: readonly Identity[];
  readonly #identityOf: Int32Array;
  readonly #classOf: Int32Array;
  readonly #own: Float64Array;
  readonly #cosines: OwnCosines;
  readonly #order: ClassOrderCheck;
  #done = 0;

  /** @throws {CleanerError} As `score`, but for what only the embeddings show. */
  constructor(input: SubcenterScorerInput) {
    const { dimensions, labels, subcenters } = input;
    if (subcenters.dimensions !== dimensions) {
      throw new CleanerError(
        'subcenters-mismatch',
        `embeddings have ${dimensions} dimensions but the sub-centres have ${subcenters.dimensions}`,
      );
    }
    this.#input = input;
    this.#identities = input.identities ?? identitiesFromLabels(labels);
    this.#identityOf = identityOfImages(labels, this.#identities);
    const classes = countClasses(subcenters);
    this.#classOf = classOfIdentities(this.#identities, classes, subcenters.classOrder);
    this.#own = new Float64Array(labels.length * subcenters.subcenters);
    this.#cosines = new OwnCosines(subcenters, { trained: input.dominant === undefined });
    this.#order = new ClassOrderCheck(
      input.trustClassOrder ? [] : this.#identities,
      this.#classOf,
      classes,
      subcenters.classOrder,
    );
  }

  /**
   * The next rows: [n, D], data order.
   *
   * @throws {CleanerError} `shape-mismatch`, `not-finite` (the row is counted from the start of the data).
   */
  add(embeddings: Float32Array | Float64Array): void {
    const { labels, dimensions, subcenters } = this.#input;
    const rows = rowsOf('embeddings', embeddings, dimensions);
    if (this.#done + rows > labels.length) {
      throw new CleanerError('shape-mismatch', `${this.#done + rows} embeddings but ${labels.length} labels`);
    }
    const norms = rowNorms('embeddings', embeddings, dimensions, this.#done);
    const unit = new Float64Array(dimensions);
    const k = subcenters.subcenters;
    for (let row = 0; row < rows; row++) {
      const image = this.#done + row;
      const own = this.#own.subarray(image * k, (image + 1) * k);
      for (let d = 0; d < dimensions; d++) unit[d] = embeddings[row * dimensions + d]! / (norms[row]! || 1);
      this.#cosines.measure(unit, this.#classOf[this.#identityOf[image]!]!, own);
      this.#order.look(this.#cosines, unit, image, own);
    }
    this.#done += rows;
  }

  /** @throws {CleanerError} `shape-mismatch` when rows are missing; `class-order`. */
  finish(): Audit {
    const { labels, subcenters, key = (image: number) => image } = this.#input;
    const images = labels.length;
    if (this.#done !== images) {
      throw new CleanerError('shape-mismatch', `${this.#done} embeddings but ${images} labels`);
    }
    this.#order.refuseOther();
    const k = subcenters.subcenters;
    const nearest = new Int32Array(images);
    const cosine = new Float64Array(images);
    const cosineNearest = new Float64Array(images);
    const identities = this.#identities.map((identity, position): AuditedIdentity => {
      const votes = new Int32Array(k);
      for (const image of identity.images) {
        const own = this.#own.subarray(image * k, (image + 1) * k);
        const best = firstLargest(own);
        votes[best]! += 1;
        nearest[image] = best;
        cosineNearest[image] = own[best]!;
      }
      const dominant = this.#input.dominant?.[position] ?? firstLargest(votes);
      for (const image of identity.images) cosine[image] = this.#own[image * k + dominant]!;
      return { label: identity.label, name: identity.name, images: identity.images, votes, dominant };
    });
    return {
      images,
      subcenters: k,
      labels,
      identities,
      identityOf: this.#identityOf,
      nearest,
      cosine,
      cosineNearest,
      key,
    };
  }
}

/** Below this a sum of squares has lost digits in float32. */
const LEAST_FLOAT32 = 2 ** -126;

/**
 * Cosines of one image to the K sub-centres of one class.
 *
 * Trained sub-centres are brought to length one in float32, embeddings in float64, as the reference does: an image that lies exactly
 * at the threshold, or exactly between two sub-centres, falls as it does there.
 */
class OwnCosines {
  readonly #weights: SubcenterWeights;
  readonly #norms: Float64Array;
  readonly #round: (value: number) => number;
  /** The class that was last asked for (images of one identity come together), and its rows, of length one: [K, D]. */
  #class = -1;
  readonly #unit: Float64Array;

  /** @param trained False for rows that stand in for trained ones: those are not rounded. */
  constructor(weights: SubcenterWeights, { trained }: { readonly trained: boolean }) {
    this.#weights = weights;
    this.#round = trained ? Math.fround : (value) => value;
    this.#unit = new Float64Array(weights.subcenters * weights.dimensions);
    const norms = rowNorms('sub-centres', weights.weights, weights.dimensions);
    this.#norms = trained ? norms.map(normInFloat32) : norms;
  }

  /** @param unit The image's row, of length one (or zero). @param into Receives K cosines. */
  measure(unit: Float64Array, classIndex: number, into: Float64Array): void {
    const { subcenters, dimensions } = this.#weights;
    const rows = this.#rowsOf(classIndex);
    for (let k = 0; k < subcenters; k++) {
      const from = k * dimensions;
      let sum = 0;
      for (let d = 0; d < dimensions; d++) sum += unit[d]! * rows[from + d]!;
      into[k] = sum;
    }
  }

  #rowsOf(classIndex: number): Float64Array {
    const { weights, subcenters, dimensions } = this.#weights;
    if (classIndex === this.#class) return this.#unit;
    this.#class = classIndex;
    for (let k = 0; k < subcenters; k++) {
      const row = classIndex * subcenters + k;
      const norm = this.#norms[row]! || 1;
      for (let d = 0; d < dimensions; d++) {
        this.#unit[k * dimensions + d] = this.#round(weights[row * dimensions + d]! / norm);
      }
    }
    return this.#unit;
  }
}

/** The norm as float32 has it, where it can. */
function normInFloat32(norm: number): number {
  const square = Math.fround(norm * norm);
  return square >= LEAST_FLOAT32 && Number.isFinite(square) ? Math.fround(Math.sqrt(square)) : norm;
}

/** Images looked at to tell one class order from the other. */
const CLASS_ORDER_SAMPLE = 2000;
/** By how much the mean cosine has to be better in the other order. Right rows differ from wrong ones by several times this. */
const CLASS_ORDER_MARGIN = 0.1;

/** Compares the stated class order with the other one, on images whose class would differ. */
class ClassOrderCheck {
  readonly #stated: ClassOrder;
  /** The class that an image would have in the other order. */
  readonly #otherClass = new Map<number, number>();
  #here = 0;
  #there = 0;

  constructor(identities: readonly Identity[], classOf: Int32Array, classes: number, stated: ClassOrder) {
    this.#stated = stated;
    for (const [position, { label, images }] of identities.entries()) {
      const other = stated === 'label' ? position : label;
      if (images.length === 0 || other === classOf[position]) continue;
      if (other >= classes) {
        this.#otherClass.clear();
        return;
      }
      for (const image of images) {
        if (this.#otherClass.size < CLASS_ORDER_SAMPLE) this.#otherClass.set(image, other);
      }
    }
  }

  look(cosines: OwnCosines, unit: Float64Array, image: number, own: Float64Array): void {
    if (this.#otherClass.size === 0) return;
    const other = this.#otherClass.get(image);
    if (other === undefined) return;
    const elsewhere = new Float64Array(own.length);
    cosines.measure(unit, other, elsewhere);
    this.#here += own[firstLargest(own)]!;
    this.#there += elsewhere[firstLargest(elsewhere)]!;
  }

  refuseOther(): void {
    const images = this.#otherClass.size;
    if (images === 0 || !(this.#there > this.#here + CLASS_ORDER_MARGIN * images)) return;
    const stated = this.#stated;
    throw new CleanerError(
      'class-order',
      `labels and positions of identities differ, and the sub-centres look ordered by ${stated === 'label' ? 'position' : 'label'}, ` +
        `not by ${stated}: the mean cosine to the nearest own sub-centre would be ${(this.#there / images).toFixed(3)} instead of ` +
        `${(this.#here / images).toFixed(3)}. State the other class order, or trust this one explicitly`,
    );
  }
}

function firstLargest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
