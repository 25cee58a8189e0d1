/**
 * Cleaning with a network that never saw the noisy labels: the embeddings of a real checkpoint stay as they are, only
 * sub-centres are trained on them, and the rules are compared on the same noise. What we recommend to whoever has such a
 * checkpoint.
 *
 *     npx tsx tooling/lfw/frozen-embeddings.ts --seeds 0,1,2 --rate .4
 *
 * Prints a Markdown table: mean over the seeds, with the lowest and the highest.
 */
import { decide, metrics, type Rule, score, withAutoScores } from '@arcface/cleaner';
import { trainHeadOnEmbeddings } from '@arcface/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { Command } from 'commander';
import { configure } from 'tfjs-backend-onnxruntime';
import { frozenEmbeddings, type ImageEmbeddings } from './frozen-networks.ts';
import { type Lfw, openLfw } from './lfw.ts';
import { noisyLfw } from './noisy-lfw.ts';

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
  const embeddings = await frozenEmbeddings(lfw, 'y1');
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
      (await trainHeadOnEmbeddings({
        embeddings,
        dimensions,
        labels: dataset.labels,
        classes: Math.max(...dataset.labels) + 1,
        subcenters,
        seed,
      }));
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

function span(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const text = (value: number) => value.toFixed(3).replace(/^0/, '');
  return `${text(mean)} (${text(Math.min(...values))} to ${text(Math.max(...values))})`;
}

await main();
