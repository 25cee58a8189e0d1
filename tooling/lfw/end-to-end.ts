/**
 * The main job on real faces, with the controls that say what it is worth: LFW identities with injected noise, networks
 * trained from scratch on the noisy labels, images dropped, networks trained again, and all of them verified on people
 * who were never trained on.
 *
 *     npx tsx tooling/lfw/end-to-end.ts --seeds 0,1,2 --rate .4 --output results.jsonl
 *
 * Every network is a line of the output; lines that are there already are not computed again. `table.ts` turns them into
 * the table of the documentation.
 */
import { appendFile } from 'node:fs/promises';
import { createBackbone } from '@arcface/backbones';
import {
  type Audit,
  type ConfusionMetrics,
  confusionMetrics,
  decide,
  score,
  seededRandom,
} from '@arcface/cleaner';
import { compactLabels, type FaceDataset, filterDataset } from '@arcface/recordio';
import { openFaceDataset } from '@arcface/recordio/node';
import { SubcenterHead } from '@arcface/subcenter-loss';
import { embedImages, type TrainOptions, train, verifyPairs } from '@arcface/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { type DecodedFaces, decodeFaces, sharpDecoder } from 'arcface';
import { Command } from 'commander';
import { configure } from 'tfjs-backend-onnxruntime';
import { type Lfw, type LfwPair, openLfw } from './lfw.ts';
import { type NoisyLfw, noisyLfw, pairImages, pairsOfUnseenPeople } from './noisy-lfw.ts';
import { type Row, readRows } from './results.ts';

const NETWORK = { network: 'r8-narrow', inputSize: 56, embeddingSize: 128 } as const;
const MARGIN = { m1: 1, m2: 0.2, m3: 0, s: 16 } as const;
const EPOCHS = 10;
const BATCH = 64;
/** The paper's. */
const THRESHOLD = 75;
/** Keeps the random control's choice apart from the noise's. */
const RANDOM_DROP_SEED = 1_000_000;

const TRAINING: TrainOptions = {
  batchSize: BATCH,
  learningRate: 0.03,
  schedule: { kind: 'cosine' },
  optimizer: { momentum: 0.9, weightDecay: 5e-4, nesterov: true },
  augmentation: { mirror: 0.5, shift: 3, brightness: 0.125, contrast: 0.125 },
};

interface Trained {
  readonly row: Omit<Row, 'drop' | 'seconds'>;
  /** Every image of the training set against the trained sub-centres. */
  readonly audit: Audit;
}

interface Trial {
  readonly lfw: Lfw;
  /** All images, decoded once: decoding them in every epoch would take as long as training. */
  readonly faces: DecodedFaces;
  readonly noisy: NoisyLfw;
  readonly seed: number;
  readonly rate: number;
}

async function main(): Promise<void> {
  const options = new Command()
    .option('--seeds <list>', 'seeds of noise, initial weights and order', '0,1,2')
    .option('--rate <share>', 'share of bad images', '0.4')
    .option('--threads <n>', 'threads of the backend', '2')
    .requiredOption('--output <file>', 'results, one line of JSON a network; appended to')
    .parse()
    .opts<{ seeds: string; rate: string; threads: string; output: string }>();
  const lfw = openLfw();
  if (lfw === undefined) {
    console.error('skipped: LFW is not there (../shared/data/lfw112.tar.gz)');
    return;
  }
  configure({ threads: Number(options.threads) });
  await tf.setBackend('onnxruntime');
  const rate = Number(options.rate);
  const size = { height: NETWORK.inputSize, width: NETWORK.inputSize };
  const faces = await decodeFaces(await openFaceDataset(lfw.directory), { decoder: sharpDecoder, size });
  for (const seed of options.seeds.split(',').map(Number)) {
    const done = readRows(options.output).filter((row) => row.seed === seed && row.rate === rate);
    const noisy = noisyLfw(lfw, faces.dataset, { rate, seed });
    for await (const row of rowsOf(
      { lfw, faces, noisy, seed, rate },
      new Set(done.map(({ network }) => network)),
    )) {
      await appendFile(options.output, `${JSON.stringify(row)}\n`);
      console.error(
        `seed ${seed} ${row.network}: accuracy ${row.accuracy.toFixed(4)} auc ${row.auc.toFixed(4)}${row.drop ? ` F1 ${row.drop.f1?.toFixed(3)}` : ''} (${row.seconds.toFixed(0)} s)`,
      );
    }
  }
}

/** The networks of one seed, in an order in which each needs only what came before. */
async function* rowsOf(trial: Trial, done: ReadonlySet<string>): AsyncGenerator<Row> {
  const { noisy, seed } = trial;
  const { dataset, bad } = noisy;
  const all = Array.from({ length: dataset.length }, (_, i) => i);
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;

  // Their audits are needed even when their rows are there already, so these two are always trained.
  const k1 = await fit(trial, 'noisy, K = 1', dataset, { subcenters: 1 });
  if (!done.has(k1.row.network)) yield { ...k1.row, seconds: seconds() };
  const k3 = await fit(trial, 'noisy, K = 3', dataset, { subcenters: 3 });
  if (!done.has(k3.row.network)) yield { ...k3.row, seconds: seconds() };

  const byK3 = dropped(k3.audit);
  const byK1 = dropped(k1.audit);
  const kept = (gone: Uint8Array) => all.filter((i) => gone[i] === 0);
  const sameNumber = (gone: Uint8Array) => randomDrop(gone, seed);
  const stepsOfNoisy = Math.round(EPOCHS * Math.floor(dataset.length / BATCH));
  const arms: readonly [name: string, gone: Uint8Array, steps?: number][] = [
    [`dropped by K = 3 at ${THRESHOLD}, trained again`, byK3],
    [`dropped by K = 3 at ${THRESHOLD}, trained again, as many steps as the noisy ones`, byK3, stepsOfNoisy],
    [`dropped by K = 1 at ${THRESHOLD}, trained again`, byK1],
    ['as many dropped at random as by K = 3, trained again', sameNumber(byK3)],
    ['the truth known, trained again', bad],
  ];
  for (const [name, gone, steps] of arms) {
    if (done.has(name)) continue;
    const clean = compactLabels(filterDataset(dataset, kept(gone)));
    const { row } = await fit(trial, name, clean, { subcenters: 1, steps });
    yield {
      ...row,
      drop: { ...found(gone, bad), dropped: dataset.length - clean.length },
      seconds: seconds(),
    };
  }
}

async function fit(
  { lfw, faces, seed, rate }: Trial,
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
  const stepsPerEpoch = Math.floor(dataset.length / BATCH);
  const total = steps ?? Math.round(EPOCHS * stepsPerEpoch);
  const result = await train({
    backbone,
    head,
    dataset,
    decoder: faces.decoder,
    options: {
      ...TRAINING,
      seed,
      duration: { steps: total },
      warmup: { steps: Math.round(0.05 * total) },
      marginWarmup: { steps: Math.round((3 / EPOCHS) * total) },
    },
  });
  const { embeddings, dimensions } = await embedImages({ backbone, dataset, decoder: faces.decoder });
  const audit = score({
    embeddings,
    dimensions,
    labels: dataset.labels,
    identities: dataset.identities,
    subcenters: { weights: await head.exportWeights(), subcenters, dimensions, classOrder: 'position' },
  });

  const pairs = balanced(pairsOfUnseenPeople(lfw));
  const isSame = pairs.map(({ same }) => same);
  const images = pairImages(faces.dataset, pairs);
  const { embeddings: rows } = await embedImages({
    backbone,
    dataset: images,
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
    audit,
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

function dropped(audit: Audit): Uint8Array {
  const { verdicts } = decide(audit, { kind: 'angle', degrees: THRESHOLD });
  return Uint8Array.from(verdicts, (verdict) => Number(verdict === 'drop'));
}

/** How well the images that are gone match those that are bad. */
function found(gone: Uint8Array, bad: Uint8Array): ConfusionMetrics {
  const count = (is: (i: number) => boolean) => gone.filter((_, i) => is(i)).length;
  return confusionMetrics(
    count((i) => gone[i] === 1 && bad[i] === 1),
    count((i) => gone[i] === 1 && bad[i] === 0),
    count((i) => gone[i] === 0 && bad[i] === 1),
  );
}

/** As many images as `like` drops, chosen without looking. */
function randomDrop(like: Uint8Array, seed: number): Uint8Array {
  const gone = new Uint8Array(like.length);
  const count = like.reduce((sum, value) => sum + value, 0);
  // Not the generator that chose the noise: with the same seed it would choose the same images.
  const random = seededRandom(seed + RANDOM_DROP_SEED);
  for (const image of random.permutation(like.length).subarray(0, count)) gone[image] = 1;
  return gone;
}

await main();
