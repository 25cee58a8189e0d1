/**
 * Cleaning with a network that never saw the noisy labels: the embeddings of a real checkpoint stay as they are, only
 * sub-centres are trained on them, and the rules are compared on the same noise. What we recommend to whoever has such a
 * checkpoint.
 *
 *     npx tsx tooling/lfw/frozen-embeddings.ts --seeds 0,1,2 --rate .4
 *
 * Prints a Markdown table: mean over the seeds, with the lowest and the highest.
 */
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backboneFromMxnet } from '@arcface/backbones';
import { decide, metrics, type Rule, score, withAutoScores } from '@arcface/cleaner';
import type { FaceDataset } from '@arcface/recordio';
import { openFaceDataset } from '@arcface/recordio/node';
import { SubcenterHead } from '@arcface/subcenter-loss';
import { embedImages, HEAD_PARAMETER, Sgd, shuffledOrder } from '@arcface/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { sharpDecoder } from 'arcface';
import { Command } from 'commander';
import { configure } from 'tfjs-backend-onnxruntime';
import { type Lfw, openLfw, PRETRAINED } from './lfw.ts';
import { noisyLfw } from './noisy-lfw.ts';

const HEAD_TRAINING = { epochs: 30, batchSize: 128, learningRate: 0.1, dropsAt: [15, 24] };

async function main(): Promise<void> {
  const options = new Command()
    .option('--seeds <list>', 'seeds of noise, initial sub-centres and order', '0,1,2')
    .option('--rate <share>', 'share of bad images', '0.4')
    .option('--threads <n>', 'threads of the backend', '2')
    .parse()
    .opts<{ seeds: string; rate: string; threads: string }>();
  const lfw = openLfw();
  if (lfw === undefined) {
    console.error('skipped: LFW is not there (../shared/data/lfw112.tar.gz)');
    return;
  }
  configure({ threads: Number(options.threads) });
  await tf.setBackend('onnxruntime');
  const embeddings = await pretrainedEmbeddings(lfw);
  const results = new Map<string, Result[]>();
  for (const seed of options.seeds.split(',').map(Number)) {
    for (const [name, result] of await compareRules(lfw, embeddings, { rate: Number(options.rate), seed })) {
      results.set(name, [...(results.get(name) ?? []), result]);
    }
  }
  console.log('| rule | precision | recall | F1 |\n|---|---|---|---|');
  for (const [name, rows] of results) {
    const cells = (['precision', 'recall', 'f1'] as const).map((metric) =>
      span(rows.map((row) => row[metric] ?? Number.NaN)),
    );
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}

type Result = Pick<ReturnType<typeof metrics>, 'precision' | 'recall' | 'f1'>;

interface ImageEmbeddings {
  readonly dataset: FaceDataset;
  readonly dimensions: number;
  readonly of: (key: number | string) => Float32Array;
}

/** Embeds all of LFW once and keeps the rows in the temporary folder. */
async function pretrainedEmbeddings(lfw: Lfw): Promise<ImageEmbeddings> {
  const cache = join(tmpdir(), 'arcface-lfw112-mobilefacenet-y1.f32');
  const dataset = await openFaceDataset(lfw.directory);
  if (!existsSync(cache)) {
    const [prefix] = PRETRAINED.split(',');
    const backbone = backboneFromMxnet({
      symbol: readFileSync(`${prefix}-symbol.json`, 'utf8'),
      params: readFileSync(`${prefix}-0000.params`),
    });
    const { embeddings } = await embedImages({ backbone, dataset, decoder: sharpDecoder });
    backbone.dispose();
    await writeFile(cache, new Uint8Array(embeddings.buffer));
  }
  const bytes = readFileSync(cache);
  const rows = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const dimensions = rows.length / dataset.length;
  const positionOf = new Map(Array.from({ length: dataset.length }, (_, i) => [dataset.key(i), i]));
  return {
    dataset,
    dimensions,
    of(key) {
      const start = positionOf.get(key)! * dimensions;
      return rows.subarray(start, start + dimensions);
    },
  };
}

async function compareRules(
  lfw: Lfw,
  images: ImageEmbeddings,
  { rate, seed }: { readonly rate: number; readonly seed: number },
): Promise<[name: string, Result][]> {
  const { dataset, bad } = noisyLfw(lfw, images.dataset, { rate, seed });
  const { dimensions } = images;
  const embeddings = new Float32Array(dataset.length * dimensions);
  for (let i = 0; i < dataset.length; i++) embeddings.set(images.of(dataset.key(i)), i * dimensions);

  const rules: readonly [name: string, subcenters: number, rule: Rule][] = [
    ['K = 3, 75 degrees (the paper)', 3, { kind: 'angle', degrees: 75 }],
    ['K = 1, 75 degrees', 1, { kind: 'angle', degrees: 75 }],
    ['automatic (`--rule auto`)', 1, { kind: 'auto' }],
  ];
  const heads = new Map<number, Float32Array>();
  const results: [string, Result][] = [];
  for (const [name, subcenters, rule] of rules) {
    const weights =
      heads.get(subcenters) ??
      (await trainHead({ embeddings, dimensions, labels: dataset.labels, subcenters, seed }));
    heads.set(subcenters, weights);
    const audit = score({
      embeddings,
      dimensions,
      labels: dataset.labels,
      identities: dataset.identities,
      subcenters: { weights, subcenters, dimensions, classOrder: 'label' },
    });
    const scored = rule.kind === 'auto' ? withAutoScores(audit, { embeddings, dimensions }) : audit;
    results.push([name, metrics(decide(scored, rule), { bad })]);
  }
  return results;
}

/** Sub-centres on embeddings that do not change: the margin softmax and SGD, without a network. */
async function trainHead(data: {
  readonly embeddings: Float32Array;
  readonly dimensions: number;
  readonly labels: Int32Array;
  readonly subcenters: number;
  readonly seed: number;
}): Promise<Float32Array> {
  const { embeddings, dimensions, labels, subcenters, seed } = data;
  const { epochs, batchSize, dropsAt } = HEAD_TRAINING;
  const classes = Math.max(...labels) + 1;
  const head = new SubcenterHead({ classes, subcenters, embeddingSize: dimensions, seed });
  const sgd = new Sgd([{ name: HEAD_PARAMETER, kind: 'weight', variable: head.weights }]);
  let learningRate = HEAD_TRAINING.learningRate;
  for (let epoch = 0; epoch < epochs; epoch++) {
    if (dropsAt.includes(epoch)) learningRate *= 0.1;
    const order = shuffledOrder(labels.length, { seed, epoch });
    for (let start = 0; start + batchSize <= labels.length; start += batchSize) {
      const batch = order.subarray(start, start + batchSize);
      const rows = new Float32Array(batchSize * dimensions);
      batch.forEach((image, i) => {
        rows.set(embeddings.subarray(image * dimensions, (image + 1) * dimensions), i * dimensions);
      });
      const loss = tf.tidy(() => {
        const x = tf.tensor2d(rows, [batchSize, dimensions]);
        const y = tf.tensor1d(
          Int32Array.from(batch, (image) => labels[image]!),
          'int32',
        );
        const { value, grads } = tf.variableGrads(() => head.loss(x, y), sgd.variables);
        sgd.step(grads, { learningRate });
        return value;
      });
      loss.dataSync();
      loss.dispose();
    }
  }
  const weights = await head.exportWeights();
  head.dispose();
  return weights;
}

function span(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const text = (value: number) => value.toFixed(3).replace(/^0/, '');
  return `${text(mean)} (${text(Math.min(...values))} to ${text(Math.max(...values))})`;
}

await main();
