import { medianInPlace } from './auto/median.ts';
import { CleanerError } from './cleaner-error.ts';
import type { Audit } from './score.ts';

/*
 * What a training run saw of every image, epoch after epoch: how much nearer it was to its own identity than to any other. A network
 * learns wrong labels by heart in the end, and then its embeddings hide them; but it learns them late, so the mean over all epochs
 * still tells ("area under the margin", Pleiss et al., NeurIPS 2020).
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
  return { ...audit, training: { epochs: margins.epochs.length, aum, pClean: rightByMixture(aum) } };
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

const ROUNDS = 200;

/** Two normal components, the lower one of wrong labels. */
function rightByMixture(aum: Float64Array): Float64Array {
  const values = aum.filter((value) => !Number.isNaN(value));
  const median = medianInPlace(Float64Array.from(values));
  let wrong = values.map((value) => Number(value < Math.min(0, median)));
  let components = [0, 1].map(() => ({ share: 0.5, mean: 0, deviation: 1 }));
  for (let round = 0; round < ROUNDS; round++) {
    components = [wrong, wrong.map((p) => 1 - p)].map((weights) => fit(values, weights));
    const next = values.map((value) => wrongAt(value));
    const change = next.reduce((most, p, i) => Math.max(most, Math.abs(p - wrong[i]!)), 0);
    wrong = next;
    if (change < 1e-4) break;
  }
  return aum.map((value) => (Number.isNaN(value) ? 1 : 1 - wrongAt(value)));

  function wrongAt(value: number): number {
    const [low, high] = components as [Component, Component];
    // Better than the mean of the right ones is right, however wide the other component is; and the reverse.
    const at = Math.min(Math.max(value, low.mean), Math.max(high.mean, low.mean));
    return 1 / (1 + Math.exp(logDensity(at, high) - logDensity(at, low)));
  }
}

interface Component {
  readonly share: number;
  readonly mean: number;
  readonly deviation: number;
}

function fit(values: Float64Array, weights: Float64Array): Component {
  let total = 1e-9;
  let sum = 0;
  values.forEach((value, i) => {
    total += weights[i]!;
    sum += weights[i]! * value;
  });
  const mean = sum / total;
  const square = values.reduce((all, value, i) => all + weights[i]! * (value - mean) ** 2, 0);
  return { share: total / values.length, mean, deviation: Math.sqrt(square / total) + 1e-3 };
}

function logDensity(value: number, { share, mean, deviation }: Component): number {
  return Math.log(share + 1e-12) - Math.log(deviation) - 0.5 * ((value - mean) / deviation) ** 2;
}
