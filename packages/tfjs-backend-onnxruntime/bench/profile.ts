// Where the time of a training step goes: runs `train-step.ts` with ONNX Runtime's profiler on and prints two
// tables, convolutions and matrix products by kind with GFLOP/s against a large matrix product of the same machine,
// and everything by kernel and operator. Each operator counts with its fastest run of several, so that other work
// on the machine disturbs little.
//   npx tsx packages/tfjs-backend-onnxruntime/bench/profile.ts --network ir50 --batch 16 --threads 1
// What it prints is what bench/results/profile-*.md hold.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { configure } from '../src/index.ts';
import { type ProfiledOperator, slowestGraph } from '../src/operator-profile.ts';

const { values: options } = parseArgs({
  options: {
    network: { type: 'string', default: 'mobilefacenet' },
    batch: { type: 'string', default: '16' },
    threads: { type: 'string', default: '1' },
    steps: { type: 'string', default: '4' },
    forward: { type: 'boolean', default: false },
  },
});

/** Of the graph that takes part in every step. */
function profileOfStep(): ProfiledOperator[] {
  const folder = mkdtempSync(join(tmpdir(), 'onnxruntime-profile-'));
  try {
    const script = fileURLToPath(new URL('train-step.ts', import.meta.url));
    const given = ['network', 'batch', 'threads', 'steps'] as const;
    const flags = given.flatMap((name) => [`--${name}`, options[name]]);
    if (options.forward) flags.push('--forward');
    const run = spawnSync('npx', ['tsx', script, ...flags, '--profile', join(folder, 'step')], {
      encoding: 'utf8',
    });
    if (run.status !== 0) throw new Error(run.stderr);
    return slowestGraph(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a convolution or a matrix product is for; null for everything else. */
function kindOf({ kernel, operator, flops, isPointwise }: ProfiledOperator): string | null {
  if (flops === 0) return null;
  if (operator !== 'Conv') return `${kernel}: matrix product`;
  if (kernel.startsWith('BatchNorm')) return `${kernel}: per-channel arithmetic`;
  return kernel === 'Conv2D' && isPointwise ? `${kernel} 1x1` : kernel;
}

/** GFLOP/s of a product of two 1024x1024 matrices. */
async function matrixProductSpeed(): Promise<number> {
  await tf.setBackend('onnxruntime');
  configure({ threads: Number(options.threads) });
  const a = tf.randomNormal<tf.Rank.R2>([1024, 1024]);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    const product = tf.matMul(a, a);
    product.dataSync();
    product.dispose();
    best = Math.min(best, performance.now() - start);
  }
  return (2 * 1024 ** 3) / best / 1e6;
}

interface Row {
  milliseconds: number;
  count: number;
  flops: number;
}

function sumBy(operators: readonly ProfiledOperator[], keyOf: (operator: ProfiledOperator) => string | null) {
  const rows = new Map<string, Row>();
  for (const operator of operators) {
    const key = keyOf(operator);
    if (key === null) continue;
    const row = rows.get(key) ?? { milliseconds: 0, count: 0, flops: 0 };
    row.milliseconds += operator.milliseconds;
    row.count++;
    row.flops += operator.flops;
    rows.set(key, row);
  }
  return [...rows].sort((a, b) => b[1].milliseconds - a[1].milliseconds);
}

const reference = await matrixProductSpeed();
const operators = profileOfStep();
const command = `npx tsx packages/tfjs-backend-onnxruntime/bench/profile.ts ${process.argv.slice(2).join(' ')}`;
console.log(`\`${command}\`, on ${cpus()[0]?.model ?? 'an unknown processor'} (${cpus().length} cores).\n`);
const total = operators.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
const share = (milliseconds: number) => `${((100 * milliseconds) / total).toFixed(1)} %`;

console.log(
  `${options.network}, ${options.forward ? 'forward' : 'training'}, batch ${options.batch}, ${options.threads} thread(s): ` +
    `${operators.length} operators, ${total.toFixed(0)} ms; ` +
    `a 1024x1024 matrix product reaches ${reference.toFixed(0)} GFLOP/s\n`,
);
console.log(
  '| convolutions and products | operators | ms | share | GFLOP/s | against the matrix product |\n|---|---|---|---|---|---|',
);
for (const [kind, { milliseconds, count, flops }] of sumBy(operators, kindOf)) {
  const speed = flops / milliseconds / 1e6;
  console.log(
    `| ${kind} | ${count} | ${milliseconds.toFixed(1)} | ${share(milliseconds)} | ${speed.toFixed(1)} | ${(speed / reference).toFixed(2)} |`,
  );
}
console.log('\n| kernel / operator | operators | ms | share |\n|---|---|---|---|');
const byOperator = sumBy(operators, ({ kernel, operator }) => `${kernel} / ${operator}`);
for (const [key, { milliseconds, count }] of byOperator.slice(0, 24)) {
  console.log(`| ${key} | ${count} | ${milliseconds.toFixed(1)} | ${share(milliseconds)} |`);
}
