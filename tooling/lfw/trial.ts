/** One cell of the end-to-end experiment, and how a network of it is trained and measured. */
import type { Backbone } from '@arcface/backbones';
import type { EpochMargins } from '@arcface/cleaner';
import type { FaceDataset } from '@arcface/recordio';
import { SubcenterHead } from '@arcface/subcenter-loss';
import {
  decodeEpochDynamics,
  embedImages,
  listEpochDynamics,
  MemoryCheckpointStore,
  type TrainOptions,
  train,
  verifyPairs,
} from '@arcface/trainer';
import type { DecodedFaces } from 'arcface';
import type { Lfw, LfwPair } from './lfw.ts';
import { imagesByKey, type NoisyLfw, pairsOfUnseenPeople } from './noisy-lfw.ts';
import type { Row } from './results.ts';
import type { Start } from './starts.ts';
import type { TrainingEvidence } from './training-evidence.ts';

/** Sub-centres start larger than the reference's, which leave so few steps half done (docs/experiment.md). */
const INITIAL_SUBCENTERS = 10;
const MARGIN = { m1: 1, m2: 0.2, m3: 0, s: 16 } as const;
export const BATCH = 64;
/** Shares of a run in which the learning rate and the margin rise. */
const WARMUP = { learningRate: 0.05, margin: 0.3 } as const;

const TRAINING: TrainOptions = {
  batchSize: BATCH,
  schedule: { kind: 'cosine' },
  optimizer: { momentum: 0.9, weightDecay: 5e-4, nesterov: true },
};

/** One noise rate and seed, and what its networks start from. */
export interface Trial {
  readonly lfw: Lfw;
  readonly start: Start;
  readonly noisy: NoisyLfw;
  readonly seed: number;
  readonly rate: number;
}

export interface Trained {
  readonly row: Omit<Row, 'drop' | 'seconds'>;
  readonly evidence: TrainingEvidence;
}

export interface TrialTraining {
  readonly subcenters: number;
  /** Default: the start's epochs over the images. */
  readonly steps?: number | undefined;
  /** Default: the tuned one. */
  readonly learningRate?: number | undefined;
}

/** Of a run over all these images. */
export function stepsOver(dataset: FaceDataset, { epochs }: Start): number {
  return Math.round(epochs * Math.floor(dataset.length / BATCH));
}

/** Trains a network on `dataset`, verifies it on people it never saw, and keeps what it tells of all noisy images. */
export async function trainNetwork(
  trial: Trial,
  name: string,
  dataset: FaceDataset,
  training: TrialTraining,
): Promise<Trained> {
  const { lfw, start, noisy, seed } = trial;
  const { faces } = start;
  const { subcenters, learningRate = start.learningRates[subcenters === 1 ? 'one' : 'several'] } = training;
  const backbone = start.network(seed);
  const classes = dataset.identities.length;
  const head = new SubcenterHead({
    classes,
    subcenters,
    embeddingSize: backbone.embeddingSize,
    margin: MARGIN,
    seed,
  });
  head.importWeights((await head.exportWeights()).map((value) => INITIAL_SUBCENTERS * value));
  const total = training.steps ?? stepsOver(dataset, start);
  const store = new MemoryCheckpointStore();
  const result = await train({
    backbone,
    head,
    dataset,
    decoder: faces.decoder,
    store,
    options: {
      ...TRAINING,
      augmentation: start.augmentation,
      seed,
      learningRate,
      duration: { steps: total },
      warmup: { steps: Math.round(WARMUP.learningRate * total) },
      marginWarmup: { steps: Math.round(WARMUP.margin * total) },
    },
  });
  const all = noisy.dataset;
  const { embeddings, dimensions } = await embedImages({ backbone, dataset: all, decoder: faces.decoder });
  const epochs: EpochMargins[] = [];
  for (const file of await listEpochDynamics(store)) {
    const { own, other } = decodeEpochDynamics(await store.read(file), file);
    if (dataset === all) epochs.push({ own, other });
  }
  const weights = await head.exportWeights();

  const quality = await verifyOnUnseen(backbone, faces, lfw);
  backbone.dispose();
  head.dispose();
  return {
    row: {
      ...cellOf(trial),
      network: name,
      images: dataset.length,
      identities: classes,
      steps: result.steps,
      learningRate,
      ...quality,
    },
    evidence: {
      embeddings,
      dimensions,
      weights,
      subcenters,
      labels: all.labels,
      epochs,
      bad: noisy.bad,
      trueLabel: noisy.trueLabel,
    },
  };
}

/** Verifies what networks start from as it is. */
export async function measureStart(trial: Trial, name: string): Promise<Trained['row']> {
  const backbone = trial.start.network(trial.seed);
  const quality = await verifyOnUnseen(backbone, trial.start.faces, trial.lfw);
  backbone.dispose();
  return { ...cellOf(trial), network: name, images: 0, identities: 0, steps: 0, learningRate: 0, ...quality };
}

/** Rows of networks from scratch do not say so: there were no others once. */
function cellOf({ seed, rate, start }: Trial): Pick<Row, 'seed' | 'rate' | 'start'> {
  return { seed, rate, ...(start.name === 'pretrained' && { start: start.name }) };
}

/** Folds of the official pairs by which settings are chosen; no person is in two folds. */
const VALIDATION_FOLDS = 2;

/** On the pairs of people who were not trained on: those for choosing settings, and those that are reported. */
async function verifyOnUnseen(
  backbone: Backbone,
  faces: DecodedFaces,
  lfw: Lfw,
): Promise<Pick<Row, 'accuracy' | 'auc' | 'impostorCosine' | 'validationAuc'>> {
  const pairs = pairsOfUnseenPeople(lfw);
  const images = [...new Set(pairs.flatMap(({ first, second }) => [first, second]))];
  const { embeddings, dimensions } = await embedImages({
    backbone,
    dataset: imagesByKey(faces.dataset, images),
    decoder: faces.decoder,
    flip: true,
  });
  const rowOf = new Map(images.map((image, row) => [image, row]));
  const measure = (chosen: readonly LfwPair[]) => {
    const taken = balanced(chosen);
    const rows = new Float32Array(2 * taken.length * dimensions);
    for (const [i, image] of taken.flatMap(({ first, second }) => [first, second]).entries()) {
      const row = rowOf.get(image)!;
      rows.set(embeddings.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions);
    }
    const isSame = taken.map(({ same }) => same);
    const { accuracy, auc } = verifyPairs(rows, isSame);
    return { accuracy, auc, impostorCosine: impostorCosine(rows, dimensions, isSame) };
  };
  const isValidation = ({ fold }: LfwPair): boolean => fold < VALIDATION_FOLDS;
  return {
    ...measure(pairs.filter((pair) => !isValidation(pair))),
    validationAuc: measure(pairs.filter(isValidation)).auc,
  };
}

/** Same and different pairs take turns, so that every fold has both; what is left of the larger kind is left out. */
function balanced(pairs: readonly LfwPair[]): LfwPair[] {
  const same = pairs.filter((pair) => pair.same);
  const different = pairs.filter((pair) => !pair.same);
  return same.slice(0, different.length).flatMap((pair, i) => [pair, different[i]!]);
}

/** Mean cosine of the pairs of different people. */
function impostorCosine(rows: Float32Array, dimensions: number, isSame: readonly boolean[]): number {
  let sum = 0;
  let count = 0;
  isSame.forEach((same, pair) => {
    if (same) return;
    let [dot, a, b] = [0, 0, 0];
    for (let d = 0; d < dimensions; d++) {
      const x = rows[2 * pair * dimensions + d]!;
      const y = rows[(2 * pair + 1) * dimensions + d]!;
      dot += x * y;
      a += x * x;
      b += y * y;
    }
    sum += dot / Math.sqrt(a * b);
    count++;
  });
  return sum / count;
}
