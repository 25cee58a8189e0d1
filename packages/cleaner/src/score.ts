import type { AutoScores } from './auto/auto-scores.ts';
import { CleanerError } from './cleaner-error.ts';
import { type Identity, identitiesFromLabels, identityOfImages } from './identity.ts';
import { inverseRowNorms, rowsOf } from './row-norms.ts';
import {
  type ClassOrder,
  classOfIdentities,
  countClasses,
  type SubcenterWeights,
} from './subcenter-weights.ts';

/*
 * The first of the two steps of cleaning: how every image lies to the sub-centres of its identity. Nothing is decided
 * here, so that thresholds can be swept and people can overrule. What it computes is what the reference's drop script
 * does: every image votes for its nearest sub-centre, the sub-centre with most votes is dominant, and the angle to the
 * dominant one is the score. Norms and inner products are float64.
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
  /** The dominant sub-centre of every identity, where it is known already. Default: the one with most votes. */
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
  const { embeddings, dimensions, labels, subcenters } = input;
  const images = rowsOf('embeddings', embeddings, dimensions);
  if (images !== labels.length) {
    throw new CleanerError('shape-mismatch', `${images} embeddings but ${labels.length} labels`);
  }
  if (subcenters.dimensions !== dimensions) {
    throw new CleanerError(
      'subcenters-mismatch',
      `embeddings have ${dimensions} dimensions but the sub-centres have ${subcenters.dimensions}`,
    );
  }
  const identities = input.identities ?? identitiesFromLabels(labels);
  const identityOf = identityOfImages(labels, identities);
  const classes = countClasses(subcenters);
  const classOf = classOfIdentities(identities, classes, subcenters.classOrder);
  const cosines = new OwnCosines(embeddings, subcenters);
  if (!input.trustClassOrder)
    refuseOtherClassOrder(identities, classOf, classes, subcenters.classOrder, cosines);

  const k = subcenters.subcenters;
  const nearest = new Int32Array(images);
  const cosine = new Float64Array(images);
  const cosineNearest = new Float64Array(images);
  const audited = identities.map((identity, position): AuditedIdentity => {
    const own = new Float64Array(identity.images.length * k);
    const votes = new Int32Array(k);
    identity.images.forEach((image, i) => {
      const row = own.subarray(i * k, (i + 1) * k);
      cosines.measure(image, classOf[position]!, row);
      const best = firstLargest(row);
      votes[best]! += 1;
      nearest[image] = best;
      cosineNearest[image] = row[best]!;
    });
    const dominant = input.dominant?.[position] ?? firstLargest(votes);
    identity.images.forEach((image, i) => {
      cosine[image] = own[i * k + dominant]!;
    });
    return { label: identity.label, name: identity.name, images: identity.images, votes, dominant };
  });
  const key = input.key ?? ((image: number) => image);
  return {
    images,
    subcenters: k,
    labels,
    identities: audited,
    identityOf,
    nearest,
    cosine,
    cosineNearest,
    key,
  };
}

/** Cosines of one image to the K sub-centres of one class. */
class OwnCosines {
  readonly #x: Float32Array | Float64Array;
  readonly #w: Float32Array;
  readonly #inverseX: Float64Array;
  readonly #inverseW: Float64Array;
  readonly #dimensions: number;
  readonly #subcenters: number;

  constructor(
    embeddings: Float32Array | Float64Array,
    { weights, subcenters, dimensions }: SubcenterWeights,
  ) {
    this.#x = embeddings;
    this.#w = weights;
    this.#inverseX = inverseRowNorms('embeddings', embeddings, dimensions);
    this.#inverseW = inverseRowNorms('sub-centres', weights, dimensions);
    this.#dimensions = dimensions;
    this.#subcenters = subcenters;
  }

  measure(image: number, classIndex: number, into: Float64Array): void {
    const x = this.#x;
    const w = this.#w;
    const start = image * this.#dimensions;
    for (let k = 0; k < this.#subcenters; k++) {
      const row = classIndex * this.#subcenters + k;
      const from = row * this.#dimensions;
      let sum = 0;
      for (let d = 0; d < this.#dimensions; d++) sum += x[start + d]! * w[from + d]!;
      into[k] = sum * this.#inverseX[image]! * this.#inverseW[row]!;
    }
  }

  /** Mean cosine of some images to the nearest sub-centre of the class that each is given. */
  meanNearest(images: readonly number[], classes: readonly number[]): number {
    const row = new Float64Array(this.#subcenters);
    let sum = 0;
    images.forEach((image, i) => {
      this.measure(image, classes[i]!, row);
      sum += row[firstLargest(row)]!;
    });
    return sum / images.length;
  }
}

/** Images looked at to tell one class order from the other. */
const CLASS_ORDER_SAMPLE = 2000;
/** By how much the mean cosine has to be better in the other order. Right rows differ from wrong ones by several times this. */
const CLASS_ORDER_MARGIN = 0.1;

function refuseOtherClassOrder(
  identities: readonly Identity[],
  classOf: Int32Array,
  classes: number,
  stated: ClassOrder,
  cosines: OwnCosines,
): void {
  const images: number[] = [];
  const here: number[] = [];
  const there: number[] = [];
  for (const [position, { label, images: own }] of identities.entries()) {
    const other = stated === 'label' ? position : label;
    if (other === classOf[position]) continue;
    if (other >= classes) return;
    for (const image of own) {
      if (images.length === CLASS_ORDER_SAMPLE) break;
      images.push(image);
      here.push(classOf[position]!);
      there.push(other);
    }
  }
  if (images.length === 0) return;
  const asStated = cosines.meanNearest(images, here);
  const otherwise = cosines.meanNearest(images, there);
  if (otherwise > asStated + CLASS_ORDER_MARGIN) {
    throw new CleanerError(
      'class-order',
      `labels and positions of identities differ, and the sub-centres look ordered by ${stated === 'label' ? 'position' : 'label'}, ` +
        `not by ${stated}: the mean cosine to the nearest own sub-centre would be ${otherwise.toFixed(3)} instead of ` +
        `${asStated.toFixed(3)}. State the other class order, or trust this one explicitly`,
    );
  }
}

function firstLargest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
