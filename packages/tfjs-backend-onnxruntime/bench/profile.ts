// Where the time of a training step goes: runs `train-step.ts` with ONNX Runtime's profiler on and prints two
// tables, convolutions and matrix products by kind with GFLOP/s against a large matrix product of the same machine,
// and everything by kernel and operator. Each operator counts with its fastest run of several, so that other work
// on the machine disturbs little.
//   npx tsx packages/tfjs-backend-onnxruntime/bench/profile.ts --network ir50 --batch 16 --threads 1

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { configure } from '../src/index.ts';

const { values: options } = parseArgs({
  options: {
    network: { type: 'string', default: 'mobilefacenet' },
    batch: { type: 'string', default: '16' },
    threads: { type: 'string', default: '1' },
    steps: { type: 'string', default: '4' },
    forward: { type: 'boolean', default: false },
  },
});

interface Event {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args: {
    readonly op_name: string;
    readonly input_type_shape: readonly Readonly<Record<string, number[]>>[];
    readonly output_type_shape: readonly Readonly<Record<string, number[]>>[];
  };
}

/** The profile of the graph that took part in every step: the largest file. */
function profileOfStep(): Event[] {
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
    const files = readdirSync(folder).map((name) => join(folder, name));
    const largest = files.reduce((a, b) => (statSync(a).size >= statSync(b).size ? a : b));
    return JSON.parse(readFileSync(largest, 'utf8')) as Event[];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The fastest run of every operator. */
function fastest(events: readonly Event[]): Event[] {
  const best = new Map<string, Event>();
  for (const event of events) {
    if (event.cat !== 'Node' || !event.name.endsWith('_kernel_time')) continue;
    const before = best.get(event.name);
    if (before === undefined || event.dur < before.dur) best.set(event.name, event);
  }
  return [...best.values()];
}

function shapesOf(types: readonly Readonly<Record<string, number[]>>[]): number[][] {
  return types.map((type) => Object.values(type)[0] ?? []);
}

/** What a convolution or a matrix product is for, and how much it computes; null for everything else. */
function arithmetic({ name, args }: Event): { kind: string; flops: number } | null {
  const kernel = name.split('/')[0]!;
  const [first, second] = shapesOf(args.input_type_shape);
  const output = shapesOf(args.output_type_shape)[0]!;
  const size = output.reduce((product, n) => product * n, 1);
  if (args.op_name === 'Conv') {
    const perOutput = second!.slice(1).reduce((product, n) => product * n, 1);
    const flops = 2 * size * perOutput;
    if (kernel.startsWith('BatchNorm')) return { kind: `${kernel}: per-channel arithmetic`, flops };
    const isPointwise = kernel === 'Conv2D' && second!.slice(2).every((n) => n === 1);
    return { kind: isPointwise ? `${kernel} 1x1` : kernel, flops };
  }
  if (args.op_name === 'Gemm' || args.op_name === 'MatMul') {
    const elements = first!.reduce((product, n) => product * n, 1);
    return { kind: `${kernel}: matrix product`, flops: 2 * elements * output.at(-1)! };
  }
  return null;
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
  microseconds: number;
  count: number;
  flops: number;
}

function sumBy(events: readonly Event[], key: (event: Event) => { key: string; flops: number } | null) {
  const rows = new Map<string, Row>();
  for (const event of events) {
    const found = key(event);
    if (found === null) continue;
    const row = rows.get(found.key) ?? { microseconds: 0, count: 0, flops: 0 };
    row.microseconds += event.dur;
    row.count++;
    row.flops += found.flops;
    rows.set(found.key, row);
  }
  return [...rows].sort((a, b) => b[1].microseconds - a[1].microseconds);
}

const reference = await matrixProductSpeed();
const events = fastest(profileOfStep());
const total = events.reduce((sum, { dur }) => sum + dur, 0);
const share = (microseconds: number) => `${((100 * microseconds) / total).toFixed(1)} %`;

console.log(
  `${options.network}, ${options.forward ? 'forward' : 'training'}, batch ${options.batch}, ${options.threads} thread(s): ` +
    `${events.length} operators, ${(total / 1000).toFixed(0)} ms; ` +
    `a 1024x1024 matrix product reaches ${reference.toFixed(0)} GFLOP/s\n`,
);
console.log(
  '| convolutions and products | operators | ms | share | GFLOP/s | against the matrix product |\n|---|---|---|---|---|---|',
);
for (const [kind, { microseconds, count, flops }] of sumBy(events, (event) => {
  const found = arithmetic(event);
  return found && { key: found.kind, flops: found.flops };
})) {
  const speed = flops / microseconds / 1000;
  console.log(
    `| ${kind} | ${count} | ${(microseconds / 1000).toFixed(1)} | ${share(microseconds)} | ${speed.toFixed(1)} | ${(speed / reference).toFixed(2)} |`,
  );
}
console.log('\n| kernel / operator | operators | ms | share |\n|---|---|---|---|');
for (const [key, { microseconds, count }] of sumBy(events, ({ name, args }) => ({
  key: `${name.split('/')[0]} / ${args.op_name}`,
  flops: 0,
})).slice(0, 24)) {
  console.log(`| ${key} | ${count} | ${(microseconds / 1000).toFixed(1)} | ${share(microseconds)} |`);
}
