/**
 * Identification: who is this? Probes are compared with everyone in a gallery. Closed-set: how often is the right
 * identity among the first n (rank-n, the CMC curve). Open-set: some probes are of nobody in the gallery; at a rate of them that
 * is taken for somebody (FPIR), how many of the others are named rightly (TPIR). Definitions as in IJB-C (Maze et al., 2018).
 */
import { TrainingError } from '../training-error.ts';
import { allowedCount } from './allowed-count.ts';

/** Embeddings with identities. */
export interface LabelledEmbeddings {
  /** Row-major [rows, dimensions]; rows are normalised here. */
  readonly embeddings: Float32Array;
  /** Identity of each row. */
  readonly labels: ArrayLike<number>;
}

/** Options of {@link identify}. */
export interface IdentificationOptions {
  readonly dimensions: number;
  /** Everyone who can be named. An identity with several rows is as near as its nearest row. */
  readonly gallery: LabelledEmbeddings;
  /** What is to be named. Rows of identities that are not in the gallery are for the open-set figures only. */
  readonly probes: LabelledEmbeddings;
  /** Default 1, 5, 10. */
  readonly ranks?: readonly number[];
  /** False-positive identification rates. Default .01, .1. */
  readonly fpirs?: readonly number[];
}

/** The result of {@link identify}. */
export interface Identification {
  /** Probes of identities in the gallery, and the others. */
  readonly mated: number;
  readonly nonMated: number;
  /** Share of the mated probes whose identity is among the nearest `rank`. */
  readonly ranks: readonly { readonly rank: number; readonly rate: number }[];
  /** Empty without non-mated probes. */
  readonly openSet: readonly OpenSetRate[];
}

/** True-positive identification at a rate of false ones. */
export interface OpenSetRate {
  readonly fpir: number;
  /** Cosine above which a probe is named. */
  readonly threshold: number;
  /** Share of the mated probes that are named, and rightly. */
  readonly tpir: number;
}

/**
 * Compares every probe with the gallery.
 *
 * @throws {TrainingError} `invalid-pairs` when sizes disagree, a value is not finite, or no probe is of somebody in the gallery;
 *   `invalid-option` for a rank or a rate out of range
 */
export function identify(options: IdentificationOptions): Identification {
  const { dimensions, ranks = [1, 5, 10], fpirs = [0.01, 0.1] } = options;
  checkOptions({ dimensions, ranks, fpirs });
  const gallery = unitRows(options.gallery, dimensions, 'gallery');
  const probes = unitRows(options.probes, dimensions, 'probes');
  const identities = [...new Set(Array.from(options.gallery.labels))];
  const place = new Map(identities.map((label, i) => [label, i]));
  const galleryPlaces = Int32Array.from(options.gallery.labels, (label) => place.get(label)!);

  const ranksOfMated: number[] = [];
  const mated: { readonly similarity: number; readonly right: boolean }[] = [];
  const nonMated: number[] = [];
  const similarities = new Float64Array(identities.length);
  for (let probe = 0; probe < options.probes.labels.length; probe++) {
    nearestRows(probes, probe, { gallery, galleryPlaces, dimensions, similarities });
    const best = similarities.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const own = place.get(options.probes.labels[probe]!);
    if (own === undefined) nonMated.push(best);
    else {
      const similarity = similarities[own]!;
      // An identity that is exactly as near as the right one counts as ahead of it: a tie is no recognition.
      const ahead = similarities.reduce((count, value) => count + (value >= similarity ? 1 : 0), -1);
      ranksOfMated.push(ahead + 1);
      mated.push({ similarity: best, right: ahead === 0 });
    }
  }
  if (mated.length === 0) {
    throw new TrainingError('invalid-pairs', 'No probe is of an identity in the gallery.');
  }
  nonMated.sort((a, b) => b - a);
  return {
    mated: mated.length,
    nonMated: nonMated.length,
    ranks: ranks.map((rank) => ({
      rank,
      rate: ranksOfMated.filter((own) => own <= rank).length / mated.length,
    })),
    openSet:
      nonMated.length === 0
        ? []
        : fpirs.map((fpir) => {
            const threshold = nonMated[allowedCount(fpir, nonMated.length)] ?? -1;
            const named = mated.filter(({ similarity, right }) => right && similarity > threshold).length;
            return { fpir, threshold, tpir: named / mated.length };
          }),
  };
}

function checkOptions({
  dimensions,
  ranks,
  fpirs,
}: Required<Pick<IdentificationOptions, 'dimensions' | 'ranks' | 'fpirs'>>): void {
  const check = (name: string, value: number, isValid: boolean, expected: string): void => {
    if (!isValid) throw new TrainingError('invalid-option', `${name} must be ${expected}, got ${value}.`);
  };
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
  check('dimensions', dimensions, isCount(dimensions), 'a whole number of at least 1');
  for (const rank of ranks) check('a rank', rank, isCount(rank), 'a whole number of at least 1');
  for (const fpir of fpirs) check('a false-positive rate', fpir, fpir >= 0 && fpir <= 1, 'from 0 to 1');
}

/** Writes, for each identity of the gallery, the cosine of its nearest row to a probe. */
function nearestRows(
  probes: Float32Array,
  probe: number,
  to: {
    readonly gallery: Float32Array;
    readonly galleryPlaces: Int32Array;
    readonly dimensions: number;
    readonly similarities: Float64Array;
  },
): void {
  const { gallery, galleryPlaces, dimensions, similarities } = to;
  similarities.fill(Number.NEGATIVE_INFINITY);
  const a = probe * dimensions;
  for (let row = 0; row < galleryPlaces.length; row++) {
    const b = row * dimensions;
    let cosine = 0;
    for (let d = 0; d < dimensions; d++) cosine += probes[a + d]! * gallery[b + d]!;
    const identity = galleryPlaces[row]!;
    if (cosine > similarities[identity]!) similarities[identity] = cosine;
  }
}

function unitRows(
  { embeddings, labels }: LabelledEmbeddings,
  dimensions: number,
  what: string,
): Float32Array {
  if (labels.length === 0 || embeddings.length !== labels.length * dimensions) {
    throw new TrainingError(
      'invalid-pairs',
      `The ${what} have ${labels.length} labels and ${embeddings.length} values; expected at least one row of ${dimensions}.`,
    );
  }
  const unit = new Float32Array(embeddings.length);
  for (let row = 0; row < labels.length; row++) {
    const values = embeddings.subarray(row * dimensions, (row + 1) * dimensions);
    const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    if (!Number.isFinite(norm)) {
      throw new TrainingError('invalid-pairs', `Row ${row} of the ${what} is not finite.`);
    }
    unit.set(
      values.map((value) => value / (norm || 1)),
      row * dimensions,
    );
  }
  return unit;
}
