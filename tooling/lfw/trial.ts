/** One cell of the end-to-end experiment, and how a network of it is trained and measured. */
import { createBackbone } from '@arcface/backbones';
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
import { type NoisyLfw, pairImages, pairsOfUnseenPeople } from './noisy-lfw.ts';
import type { Row } from './results.ts';
import type { TrainingEvidence } from './training-evidence.ts';

export const NETWORK = { network: 'r8-narrow', inputSize: 56, embeddingSize: 128 } as const;
const MARGIN = { m1: 1, m2: 0.2, m3: 0, s: 16 } as const;
export const EPOCHS = 10;
export const BATCH = 64;

const TRAINING: TrainOptions = {
  batchSize: BATCH,
  learningRate: 0.03,
  schedule: { kind: 'cosine' },
  optimizer: { momentum: 0.9, weightDecay: 5e-4, nesterov: true },
  augmentation: { mirror: 0.5, shift: 3, brightness: 0.125, contrast: 0.125 },
};

/** One noise rate and seed. */
export interface Trial {
  readonly lfw: Lfw;
  /** All images, decoded once: decoding them in every epoch would take as long as training. */
  readonly faces: DecodedFaces;
  readonly noisy: NoisyLfw;
  readonly seed: number;
  readonly rate: number;
}

export interface Trained {
  readonly row: Omit<Row, 'drop' | 'seconds'>;
  readonly evidence: TrainingEvidence;
}

/** Trains a network on `dataset`, verifies it on people it never saw, and keeps what it tells of all noisy images. */
export async function trainNetwork(
  { lfw, faces, noisy, seed, rate }: Trial,
  name: string,
  dataset: FaceDataset,
  { subcenters, steps }: { readonly subcenters: number; readonly steps?: number | undefined },
): Promise<Trained> {
  const backbone = createBackbone(NETWORK, { seed });
  const classes = dataset.identities.length;
  const head = new SubcenterHead({
    classes,
    subcenters,
    embeddingSize: backbone.embeddingSize,
    margin: MARGIN,
    seed,
  });
  const total = steps ?? Math.round(EPOCHS * Math.floor(dataset.length / BATCH));
  const store = new MemoryCheckpointStore();
  const result = await train({
    backbone,
    head,
    dataset,
    decoder: faces.decoder,
    store,
    options: {
      ...TRAINING,
      seed,
      duration: { steps: total },
      warmup: { steps: Math.round(0.05 * total) },
      marginWarmup: { steps: Math.round((3 / EPOCHS) * total) },
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

  const pairs = balanced(pairsOfUnseenPeople(lfw));
  const isSame = pairs.map(({ same }) => same);
  const { embeddings: rows } = await embedImages({
    backbone,
    dataset: pairImages(faces.dataset, pairs),
    decoder: faces.decoder,
    flip: true,
  });
  const { accuracy, auc } = verifyPairs(rows, isSame);
  backbone.dispose();
  head.dispose();
  return {
    row: {
      seed,
      rate,
      network: name,
      images: dataset.length,
      identities: classes,
      steps: result.steps,
      accuracy,
      auc,
      impostorCosine: impostorCosine(rows, dimensions, isSame),
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
