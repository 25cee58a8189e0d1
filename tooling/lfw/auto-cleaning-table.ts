/**
 * How well wrong labels are found: the automatic rule and the paper's, beside cleanlab, class means and nearest neighbours, for
 * every kind of noise of `noise-scenarios.ts`, on embeddings of a network that never saw the labels.
 *
 *     npx tsx tooling/lfw/auto-cleaning-table.ts --seeds 11,12,13 --networks y1,onnx --python python3
 *
 * Prints a Markdown table for each network: mean F1 over the seeds, behind it the lowest, and for the automatic rule the 95 %
 * interval of the mean. `--python` is an interpreter with cleanlab, scikit-learn and numpy; without it the peers are left out.
 *
 * The floors were measured on three other draws of the noise and are themselves means that scatter. Exits with 1 when a cell of `y1` is
 * below its floor by more than its own interval explains.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decide, metrics, score, scoreByModes, sweepThresholds } from '@arcface/cleaner';
import { trainHeadOnEmbeddings } from '@arcface/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { Command } from 'commander';
import { configure } from 'tfjs-backend-onnxruntime';
import { type FrozenNetwork, frozenEmbeddings } from './frozen-networks.ts';
import { openLfw } from './lfw.ts';
import { estimate } from './mean-estimate.ts';
import { injectScenario, type NoisyEmbeddings, SCENARIOS, type Scenario } from './noise-scenarios.ts';

/** What a method did; undefined where it does not apply. */
interface Found {
  readonly f1: number;
  readonly goodDropped: number;
}

const OURS = 'automatic';
const PAPER = 'K = 3 at 75';
const BEST = 'K = 3, best threshold known';
const METHODS = [
  PAPER,
  BEST,
  'cleanlab',
  'cleanlab predicted',
  'class mean, 5 folds',
  'kNN 10',
  OURS,
] as const;
type Method = (typeof METHODS)[number];

async function main(): Promise<void> {
  const options = new Command()
    .option('--seeds <list>', 'seeds of the noise', '11,12,13')
    .option('--networks <list>', 'y1, onnx', 'y1,onnx')
    .option('--python <path>', 'an interpreter with cleanlab, scikit-learn and numpy')
    .option('--only <pattern>', 'scenarios whose name matches')
    .option('--no-heads', 'leave the rules out that need trained sub-centres')
    .option('--threads <n>', 'threads of the backend', '2')
    .parse()
    .opts<{
      seeds: string;
      networks: string;
      python?: string;
      only?: string;
      heads: boolean;
      threads: string;
    }>();
  const lfw = openLfw();
  if (lfw === undefined) {
    console.error('skipped: LFW is not there (../shared/data/lfw112.tar.gz)');
    return;
  }
  configure({ threads: Number(options.threads) });
  await tf.setBackend('onnxruntime');
  const seeds = options.seeds.split(',').map(Number);
  const scenarios = SCENARIOS.filter(({ name }) => new RegExp(options.only ?? '').test(name));
  for (const network of options.networks.split(',') as FrozenNetwork[]) {
    const images = await frozenEmbeddings(lfw, network);
    console.log(`\n| ${network} | ${METHODS.join(' | ')} | floor |\n|${'---|'.repeat(METHODS.length + 2)}`);
    for (const scenario of scenarios) {
      const runs: Partial<Record<Method, Found>>[] = [];
      for (const seed of seeds) {
        const noisy = injectScenario(lfw, images, scenario, seed);
        runs.push({
          ...(options.python === undefined ? {} : peers(noisy, seed, options.python)),
          ...(options.heads && !scenario.longTail ? await paper(noisy, seed) : {}),
          [OURS]: automatic(noisy),
        });
      }
      console.log(row(scenario, runs));
      if (network === 'y1' && !reachesFloor(scenario, runs)) process.exitCode = 1;
    }
  }
}

function automatic(noisy: NoisyEmbeddings): Found {
  return foundBy(metrics(decide(scoreByModes(noisy), { kind: 'auto' }), noisy));
}

async function paper(noisy: NoisyEmbeddings, seed: number): Promise<Partial<Record<Method, Found>>> {
  const subcenters = 3;
  const weights = await trainHeadOnEmbeddings({
    ...noisy,
    classes: Math.max(...noisy.labels) + 1,
    subcenters,
    seed,
  });
  const audit = score({
    ...noisy,
    subcenters: { weights, subcenters, dimensions: noisy.dimensions, classOrder: 'label' },
  });
  const best = sweepThresholds(audit, { bad: noisy.bad }).reduce(
    (most, { metrics: at }) => Math.max(most, at?.f1 ?? 0),
    0,
  );
  return {
    [PAPER]: foundBy(metrics(decide(audit, { kind: 'angle', degrees: 75 }), noisy)),
    [BEST]: { f1: best, goodDropped: 0 },
  };
}

function peers(noisy: NoisyEmbeddings, seed: number, python: string): Partial<Record<Method, Found>> {
  const folder = mkdtempSync(join(tmpdir(), 'arcface-peers-'));
  try {
    for (const [name, values] of [
      ['embeddings.f32', noisy.embeddings],
      ['labels.i32', noisy.labels],
      ['bad.u8', noisy.bad],
    ] as const) {
      writeFileSync(join(folder, name), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
    writeFileSync(join(folder, 'shape.json'), JSON.stringify({ dimensions: noisy.dimensions }));
    const script = fileURLToPath(new URL('label_error_peers.py', import.meta.url));
    return JSON.parse(execFileSync(python, [script, folder, String(seed)], { encoding: 'utf8' }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function foundBy({ f1, goodDroppedShare }: ReturnType<typeof metrics>): Found {
  return { f1: f1 ?? 0, goodDropped: goodDroppedShare ?? 0 };
}

function row({ name, rate, floor }: Scenario, runs: readonly Partial<Record<Method, Found>>[]): string {
  const cells = METHODS.map((method) => {
    const found = runs.flatMap((run) => run[method] ?? []);
    if (found.length === 0) return '';
    if (rate === 0) {
      if (method === BEST) return '';
      return `${(100 * mean(found.map(({ goodDropped }) => goodDropped))).toFixed(2)} %`;
    }
    const f1 = found.map((each) => each.f1);
    const { mean: f1Mean, halfWidth } = estimate(f1);
    const interval = method === OURS && f1.length > 1 ? ` ± ${short(halfWidth)}` : '';
    return `${short(f1Mean)}${interval} (${short(Math.min(...f1))})`;
  });
  return `| ${name} | ${cells.join(' | ')} | ${rate === 0 ? `${100 * floor} %` : short(floor)} |`;
}

/** The floors are given to three digits. */
function reachesFloor({ rate, floor }: Scenario, runs: readonly Partial<Record<Method, Found>>[]): boolean {
  const ours = runs.map((run) => run[OURS]!);
  if (rate === 0) return mean(ours.map(({ goodDropped }) => goodDropped)) <= floor;
  const { mean: f1, halfWidth } = estimate(ours.map((run) => run.f1));
  return Number((f1 + (Number.isNaN(halfWidth) ? 0 : halfWidth)).toFixed(3)) >= floor;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function short(value: number): string {
  return value.toFixed(3).replace(/^0/, '');
}

await main();
