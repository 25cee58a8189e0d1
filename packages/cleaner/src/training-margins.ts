import { strangersByAnchoredMixture } from './anchored-mixture.ts';
import { CleanerError } from './cleaner-error.ts';
import type { Audit } from './score.ts';

/*
 * What a training run saw of every image, epoch after epoch: how near it was to its own identity, and to any other. A network learns
 * wrong labels by heart in the end, and then its embeddings hide them; but an image under a wrong label starts as a stranger to its
 * identity and catches up late. The mean margin over all epochs ("area under the margin", Pleiss et al., NeurIPS 2020) is reported; the
 * decision is made on the cosine to the own identity alone, early and late in the run, which told wrong labels from right ones
 * better than the margin did wherever it was measured.
 */

/** One epoch. Cosines without margin, as training computed them; NaN for an image that the epoch left out. */
export interface EpochMargins {
  /** To the nearest sub-centre of the image's own class: [N]. */
  readonly own: ArrayLike<number>;
  /** To the nearest sub-centre of any other class: [N]. */
  readonly other: ArrayLike<number>;
}

export interface TrainingMargins {
  readonly epochs: readonly EpochMargins[];
}

/** All arrays are in data order. */
export interface TrainingScores {
  readonly epochs: number;
  /** Mean over the epochs of own minus other; NaN for an image that no epoch saw. */
  readonly aum: Float64Array;
  /** Probability that the label is right. */
  readonly pClean: Float64Array;
}

/**
 * Adds the scores of the rule `aum` to an audit.
 *
 * @throws {CleanerError} `shape-mismatch` when an epoch has another number of images; `scores-missing` without an epoch.
 */
export function withTrainingMargins(
  audit: Audit,
  margins: TrainingMargins,
): Audit & { readonly training: TrainingScores } {
  if (margins.epochs.length === 0) {
    throw new CleanerError('scores-missing', 'the training run recorded no epoch');
  }
  const aum = areaUnderMargin(audit.images, margins);
  return {
    ...audit,
    training: { epochs: margins.epochs.length, aum, pClean: rightByHistory(audit.images, margins) },
  };
}

function areaUnderMargin(images: number, { epochs }: TrainingMargins): Float64Array {
  const sum = new Float64Array(images);
  const seen = new Int32Array(images);
  epochs.forEach(({ own, other }, epoch) => {
    if (own.length !== images || other.length !== images) {
      throw new CleanerError(
        'shape-mismatch',
        `epoch ${epoch} has margins of ${own.length} and ${other.length} images, but there are ${images}`,
      );
    }
    for (let i = 0; i < images; i++) {
      const margin = own[i]! - other[i]!;
      if (Number.isNaN(margin)) continue;
      sum[i]! += margin;
      seen[i]! += 1;
    }
  });
  return sum.map((value, i) => value / seen[i]!);
}

/** Probability that each label is right: 1 for an image that no epoch saw. */
function rightByHistory(images: number, { epochs }: TrainingMargins): Float64Array {
  const [start, learning, learned] = stages(epochs);
  const early = meanOwn(images, epochs.slice(start, learning));
  const late = learned > learning ? meanOwn(images, epochs.slice(learning, learned)) : early;
  const seen = Int32Array.from({ length: images }, (_, i) => i).filter(
    (i) => !Number.isNaN(early[i]!) || !Number.isNaN(late[i]!),
  );
  const column = (stage: Float64Array, other: Float64Array): Float64Array => {
    const shift = meanOf(stage) - meanOf(other);
    // Epochs that saw no image at all tell nothing: what others tell stands for them as it is.
    const moved = Number.isNaN(shift) ? other : other.map((value) => value + shift);
    return Float64Array.from(seen, (i) => (Number.isNaN(stage[i]!) ? moved[i]! : stage[i]!));
  };
  const strangers = strangersByAnchoredMixture(column(early, late), column(late, early));
  const right = new Float64Array(images).fill(1);
  seen.forEach((image, i) => {
    right[image] = 1 - strangers[i]!;
  });
  return right;
}

/** How far the upper quartile of the images has come, of where it ends, when a stage of the run ends. */
const STAGES = [0.6, 0.9] as const;

/**
 * Where the images that are learned easily are being learned, and where they have been: epochs [start, learning) and [learning,
 * learned). What comes behind is memory, and says little. In the first epoch an image is near or far by when it was drawn, so it is left
 * out where there are others.
 */
function stages(
  epochs: readonly EpochMargins[],
): readonly [start: number, learning: number, learned: number] {
  let furthest = Number.NEGATIVE_INFINITY;
  const progress = epochs.map(({ own }) => {
    const quartile = upperQuartile(own);
    if (quartile > furthest) furthest = quartile;
    return furthest;
  });
  const start = epochs.length > 2 ? 1 : 0;
  const end = (stage: number, after: number): number =>
    Math.min(
      epochs.length,
      Math.max(after + 1, progress.findIndex((quartile) => quartile >= stage * furthest) + 1),
    );
  const learning = end(STAGES[0], start);
  return [start, learning, end(STAGES[1], learning)];
}

function upperQuartile(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort();
  return sorted[Math.floor(0.75 * (sorted.length - 1))] ?? Number.NaN;
}

/**
 * Mean cosine of every image to its own class, NaN where none of the epochs saw it. Epochs are levelled first: in some an image is
 * missing, and all images are nearer to their class in a later one.
 */
function meanOwn(images: number, epochs: readonly EpochMargins[]): Float64Array {
  const levels = epochs.map(({ own }) => meanOf(own));
  const level = meanOf(levels);
  const sum = new Float64Array(images);
  const seen = new Int32Array(images);
  epochs.forEach(({ own }, epoch) => {
    for (let i = 0; i < images; i++) {
      if (Number.isNaN(own[i]!)) continue;
      sum[i]! += own[i]! - levels[epoch]!;
      seen[i]! += 1;
    }
  });
  return sum.map((value, i) => value / seen[i]! + level);
}

/** Of what is not NaN. */
function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]!)) continue;
    sum += values[i]!;
    count++;
  }
  return sum / count;
}
