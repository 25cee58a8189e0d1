/**
 * Images per second of whole training runs, from records on disk to updated weights: `arcface train` beside PyTorch (DataLoader and
 * the same network, loss and optimiser) and MXNet (`Module` and `ImageRecordIter`, on the network as we convert it), in turn.
 *
 *     npx tsx apps/cli/bench/training-speed.ts --data faces --networks y1,r50 --pytorch PYTHON --mxnet PYTHON
 *
 * Peers without a Python are left out. Medians of the rounds go to bench/results/training-speed.json, a network at a time: what was
 * not measured now stays as it was. Each line is also printed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    networks: { type: 'string', default: 'y1,r50' },
    'batch-size': { type: 'string', default: '32' },
    steps: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '1' },
    pytorch: { type: 'string' },
    mxnet: { type: 'string' },
    work: { type: 'string' },
  },
});
if (options.data === undefined) {
  console.error(
    'usage: training-speed.ts --data DATA [--networks y1,r50] [--pytorch PYTHON] [--mxnet PYTHON]',
  );
  process.exit(2);
}
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const work = options.work ?? mkdtempSync(join(tmpdir(), 'training-speed-'));
mkdirSync(work, { recursive: true });
const { 'batch-size': batchSize, steps, threads } = options;
const settings = ['--batch-size', batchSize, '--steps', steps, '--threads', threads];

function json(command: string, args: readonly string[]): Record<string, unknown> {
  const output = execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, OMP_NUM_THREADS: threads },
  });
  return JSON.parse(output.trim().split('\n').at(-1)!) as Record<string, unknown>;
}

function arcface(...args: readonly string[]): Record<string, unknown> {
  return json(process.execPath, ['--import', 'tsx', here('../src/main.ts'), ...args, '--json']);
}

const records = join(work, 'flat.rec');
if (!existsSync(records)) arcface('rec', 'pack', options.data, '--output', records, '--layout', 'flat');
const { identities: classes } = arcface('rec', 'info', records) as { identities: number };

const runners: Readonly<Record<string, (network: string) => number>> = {
  arcface(network) {
    const output = mkdtempSync(join(work, 'run-'));
    const flags = [
      '--batch-size',
      batchSize,
      '--max-steps',
      steps,
      '--threads',
      threads,
      '--subcenters',
      '1',
    ];
    arcface('train', '--data', records, '--output', output, '--network', network, '--lr', '.001', ...flags);
    // The first step compiles, the second still allocates; both are left out on every side.
    const seconds = readFileSync(join(output, 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; seconds: number })
      .filter(({ kind }) => kind === 'step')
      .slice(2)
      .map((step) => step.seconds);
    rmSync(output, { recursive: true });
    return (Number(batchSize) * seconds.length) / seconds.reduce((sum, value) => sum + value, 0);
  },
  ...(options.pytorch && {
    pytorch: (network: string) =>
      peer(options.pytorch!, 'pytorch_training_peer.py', ['--network', network, '--classes', `${classes}`]),
  }),
  ...(options.mxnet && {
    mxnet: (network: string) =>
      peer(options.mxnet!, 'mxnet_training_peer.py', [
        '--symbol',
        symbolOf(network),
        '--classes',
        `${classes}`,
      ]),
  }),
};

function peer(python: string, script: string, flags: readonly string[]): number {
  const { imagesPerSecond } = json(python, [here(script), '--data', records, ...flags, ...settings]);
  return imagesPerSecond as number;
}

/** The network as MXNet reads it, converted once from an untrained checkpoint. */
function symbolOf(network: string): string {
  const symbol = join(work, `${network}-symbol.json`);
  if (existsSync(symbol)) return symbol;
  const run = mkdtempSync(join(work, 'initial-'));
  const flags = ['--network', network, '--batch-size', '2', '--max-steps', '1', '--threads', threads];
  const { checkpoint } = arcface('train', '--data', records, '--output', run, ...flags);
  arcface('model', 'convert', checkpoint as string, '--to', 'mxnet', '--output', `${join(work, network)},0`);
  rmSync(run, { recursive: true });
  return symbol;
}

interface Line {
  readonly network: string;
  readonly imagesPerSecond: Readonly<Record<string, number>>;
  /** Of ours to each peer's. */
  readonly ratio: Readonly<Record<string, number>>;
  readonly settings: string;
}

const lines: Line[] = [];
for (const network of options.networks.split(',')) {
  if (options.mxnet) symbolOf(network);
  const measured: Record<string, number[]> = Object.fromEntries(
    Object.keys(runners).map((name) => [name, []]),
  );
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [name, run] of Object.entries(runners)) measured[name]!.push(run(network));
  }
  const medians = Object.fromEntries(
    Object.entries(measured).map(([name, values]) => [name, Number(median(values).toFixed(2))]),
  );
  const ratio = Object.fromEntries(
    Object.entries(medians)
      .filter(([name]) => name !== 'arcface')
      .map(([name, value]) => [name, Number((medians.arcface! / value).toFixed(2))]),
  );
  const line = { network, imagesPerSecond: medians, ratio, settings: settings.join(' ') };
  lines.push(line);
  console.log(JSON.stringify(line));
}

const file = here('results/training-speed.json');
mkdirSync(here('results'), { recursive: true });
const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { lines: Line[] }).lines : [];
const kept = before.filter(({ network }) => !lines.some((line) => line.network === network));
const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`;
const command = 'npx tsx apps/cli/bench/training-speed.ts --data DATA --pytorch PYTHON --mxnet PYTHON';
writeFileSync(file, `${JSON.stringify({ command, machine, lines: [...kept, ...lines] }, null, 2)}\n`);
if (!options.work) rmSync(work, { recursive: true });

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
