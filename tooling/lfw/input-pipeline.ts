/**
 * Whether reading, decoding and augmenting images holds training up: steps on LFW's images as they come against steps on one batch
 * again and again, in rows that take turns. A machine's speed drifts, so each row of one kind is held against the row of the other
 * kind that follows it; printed are the median of these ratios and its quartiles.
 *
 *     npx tsx tooling/lfw/input-pipeline.ts --network y1 --batch-size 32 --augmentation mirror --rows 12
 */
import { createBackbone } from '@arcface/backbones';
import { compactLabels } from '@arcface/recordio';
import { openFaceDataset } from '@arcface/recordio/node';
import { SubcenterHead } from '@arcface/subcenter-loss';
import { type Batch, DataLoader, Sgd, trainableParameters, trainStep } from '@arcface/trainer';
import { startDecodingThread } from '@arcface/trainer/node';
import * as tf from '@tensorflow/tfjs-core';
import { Command, Option } from 'commander';
import { configure } from 'tfjs-backend-onnxruntime';
import { openLfw } from './lfw.ts';

const options = new Command()
  .option('--network <name>', 'network', 'y1')
  .option('--batch-size <n>', 'images a step', '32')
  .option('--rows <n>', 'rows of steps of each kind', '12')
  .addOption(
    new Option('--augmentation <which>', "the reference's default, or everything but crops")
      .choices(['mirror', 'all'])
      .default('mirror'),
  )
  .option('--threads <n>', 'threads of the backend', '2')
  .parse()
  .opts<Record<'network' | 'batchSize' | 'rows' | 'threads', string> & { augmentation: 'mirror' | 'all' }>();

const AUGMENTATIONS = {
  mirror: { mirror: 0.5 },
  all: {
    mirror: 0.5,
    shift: 3,
    brightness: 0.125,
    contrast: 0.125,
    saturation: 0.125,
    recompression: 0.5,
    cutoff: 24,
  },
};

const lfw = openLfw();
if (lfw === undefined) {
  console.error('skipped: LFW is not there (../shared/data/lfw112.tar.gz)');
  process.exit();
}
configure({ threads: Number(options.threads) });
await tf.setBackend('onnxruntime');
const dataset = compactLabels(await openFaceDataset(lfw.directory));
const backbone = createBackbone(options.network);
const [height, width] = backbone.inputShape;
const head = new SubcenterHead({ classes: dataset.identities.length, embeddingSize: backbone.embeddingSize });
const model = { backbone, head, sgd: new Sgd(trainableParameters({ backbone, head })) };
// As `arcface train` does.
const script = new URL('../../apps/cli/src/commands/train/decoding-thread.ts', import.meta.url);
const decoding = await startDecodingThread({ script });
const loader = new DataLoader({
  dataset,
  decoder: decoding.decoder,
  size: { height, width },
  batchSize: Number(options.batchSize),
  augmentation: AUGMENTATIONS[options.augmentation],
});

const batches = loader.batches();
const constant = (await batches.next()).value!;
let step = 0;
/** Steps in a row of one kind; the first two of a row don't count: they use up what was prepared before (or compile). */
const ROW = 8;
const ratios: number[] = [];
const seconds = { data: [] as number[], constant: [] as number[] };
for (let row = 0; row < Number(options.rows); row++) {
  const ofRow = { data: [] as number[], constant: [] as number[] };
  for (const kind of ['constant', 'data'] as const) {
    for (let i = 0; i < ROW; i++) {
      const begun = performance.now();
      await train(kind === 'data' ? (await batches.next()).value! : constant);
      if (i >= 2) ofRow[kind].push((performance.now() - begun) / 1000);
    }
    seconds[kind].push(quantile(ofRow[kind], 0.5));
  }
  ratios.push(quantile(ofRow.constant, 0.5) / quantile(ofRow.data, 0.5));
}
await batches.return();
await decoding.close();
console.log(
  JSON.stringify({
    ...options,
    secondsPerStep: quantile(seconds.data, 0.5),
    secondsPerStepOfConstantBatch: quantile(seconds.constant, 0.5),
    ratio: quantile(ratios, 0.5),
    quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  }),
);
process.exit();

async function train(batch: Batch): Promise<void> {
  const loss = trainStep(model, batch, { learningRate: 0.01, seed: step++ });
  await loss.data();
  loss.dispose();
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return low + (high - low) * (place - Math.floor(place));
}
