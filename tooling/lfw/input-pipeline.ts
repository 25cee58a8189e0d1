/**
 * Whether reading, decoding and augmenting images holds training up: steps on LFW's images as they come against steps on one batch
 * again and again, in rows that take turns, medians of both and their ratio.
 *
 *     npx tsx tooling/lfw/input-pipeline.ts --network y1 --batch-size 32 --steps 12
 */
import { createBackbone } from '@arcface/backbones';
import { compactLabels } from '@arcface/recordio';
import { openFaceDataset } from '@arcface/recordio/node';
import { SubcenterHead } from '@arcface/subcenter-loss';
import { type Batch, DataLoader, Sgd, trainableParameters, trainStep } from '@arcface/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { sharpDecoder } from 'arcface';
import { Command } from 'commander';
import { configure } from 'tfjs-backend-onnxruntime';
import { openLfw } from './lfw.ts';

const options = new Command()
  .option('--network <name>', 'network', 'y1')
  .option('--batch-size <n>', 'images a step', '32')
  .option('--steps <n>', 'steps of each kind that count', '12')
  .option('--threads <n>', 'threads of the backend', '2')
  .parse()
  .opts<{ network: string; batchSize: string; steps: string; threads: string }>();

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
const loader = new DataLoader({
  dataset,
  decoder: sharpDecoder,
  size: { height, width },
  batchSize: Number(options.batchSize),
  augmentation: {
    mirror: 0.5,
    shift: 3,
    brightness: 0.125,
    contrast: 0.125,
    saturation: 0.125,
    recompression: 0.5,
  },
});

const batches = loader.batches();
const constant = (await batches.next()).value!;
const seconds = { data: [] as number[], constant: [] as number[] };
let step = 0;
/** Steps in a row of one kind; the first two of a row don't count: they use up what was prepared before (or compile). */
const ROW = 6;
while (seconds.data.length < Number(options.steps)) {
  for (const kind of ['constant', 'data'] as const) {
    for (let i = 0; i < ROW; i++) {
      const begun = performance.now();
      await train(kind === 'data' ? (await batches.next()).value! : constant);
      if (i >= 2) seconds[kind].push((performance.now() - begun) / 1000);
    }
  }
}
await batches.return();
const [ofData, ofConstant] = [median(seconds.data), median(seconds.constant)];
console.log(
  JSON.stringify({
    ...options,
    secondsPerStep: ofData,
    secondsPerStepOfConstantBatch: ofConstant,
    ratio: ofConstant / ofData,
  }),
);
process.exit();

async function train(batch: Batch): Promise<void> {
  const loss = trainStep(model, batch, { learningRate: 0.01, seed: step++ });
  await loss.data();
  loss.dispose();
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
