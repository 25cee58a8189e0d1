/**
 * Measures networks here, in MXNet and in PyTorch, in turn, each in a process of its own, and updates results/speed.json.
 *
 *     npx tsx packages/backbones/bench/measure.ts [--seconds 170] [--again] [--mode forward|training] [network...]
 *
 * Every figure is stored as soon as it is known, with the command that made it and the time, and what is there is passed over (unless
 * `--again`): a run that was ended goes on where it was. No measurement is begun after `--seconds`. Without names, all networks.
 *
 * MXNet runs the symbol that is written here; PyTorch runs arcface_torch's networks. ARCFACE_MXNET_PYTHON and
 * ARCFACE_TORCH_PYTHON name a Python that has them. Batches are smaller for large networks: see `batchFor`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { complexity, listNetworks, networkGraph, serializeMxnetSymbol } from '../src/index.ts';
import type { Mode, Program, Speed, Speeds } from './speeds.ts';

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: 'Infinity' },
    mode: { type: 'string' },
    again: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const THREADS = '2';
const STEPS = '3';
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const RESULTS = here('./results/speed.json');
const all: Speeds = existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Speeds) : {};
const networks = positionals.length > 0 ? positionals : listNetworks().map(({ name }) => name);
const modes: readonly Mode[] = ['forward', 'training'];

interface Measurement {
  readonly network: string;
  readonly mode: Mode;
  readonly program: Program;
}

const wanted = networks.flatMap((network) =>
  modes
    .filter((mode) => values.mode === undefined || values.mode === mode)
    .map((mode) => programsFor(network).map((program): Measurement => ({ network, mode, program }))),
);
const folder = mkdtempSync(join(tmpdir(), 'arcface-speed-'));
try {
  // What is compared is measured together, or not at all.
  for (const measurements of wanted) {
    const missing = measurements.filter((measurement) => values.again || !isKnown(measurement));
    if (missing.length > 0 && performance.now() < Number(values.seconds) * 1000)
      measurements.forEach(measureOrReport);
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** A program that fails with one network does not keep the others from being measured. */
function measureOrReport(measurement: Measurement): void {
  try {
    measure(measurement);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}

/** The programs that a network is measured in; peers that are not installed are left out. */
function programsFor(network: string): Program[] {
  const { ARCFACE_MXNET_PYTHON: mxnet, ARCFACE_TORCH_PYTHON: torch } = process.env;
  const isTorchs = /^(iresnet|mbf)/.test(network);
  // MXNet 1.9.1 dies of a segmentation fault in mbf.
  const programs = ['here', ...(network.startsWith('mbf') ? [] : ['mxnet']), ...(isTorchs ? ['torch'] : [])];
  const installed = { here: true, mxnet: mxnet !== undefined, torch: torch !== undefined };
  return (programs as Program[]).filter((program) => installed[program]);
}

function isKnown({ network, mode, program }: Measurement): boolean {
  const speed = all[network]?.[mode];
  return speed?.[program] !== undefined && isLike(speed, network, mode);
}

/** Whether a figure was measured as this program would measure it. */
function isLike({ batch, command }: Speed, network: string, mode: Mode): boolean {
  return batch === batchFor(network, mode) && command === commandOf(network, mode);
}

function commandOf(network: string, mode: Mode): string {
  return `npx tsx packages/backbones/bench/measure.ts --mode ${mode} ${network}`;
}

/** Images a batch: fewer in training of those that take seconds each. */
function batchFor(network: string, mode: Mode): number {
  const { flops } = complexity(networkGraph(network));
  if (mode === 'forward') return 8;
  if (flops > 15e9) return 2;
  return flops > 5e9 ? 4 : 8;
}

function measure({ network, mode, program }: Measurement): void {
  const batch = batchFor(network, mode);
  const options = ['--batch', String(batch), '--steps', STEPS];
  const [command, ...args] = commandFor(program, network, mode);
  const { status, stdout, stderr } = spawnSync(command!, [...args, ...options], {
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: THREADS },
  });
  if (status !== 0) throw new Error(`${network}, ${mode}, ${program} failed: ${stderr}`);
  const { imagesPerSecond } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { imagesPerSecond: number };
  const before = all[network]?.[mode];
  // A figure of another batch does not stand beside a new one.
  const kept = before !== undefined && isLike(before, network, mode) ? before : {};
  const at = new Date().toISOString().slice(0, 16);
  const speed: Speed = { ...kept, [program]: imagesPerSecond, batch, command: commandOf(network, mode), at };
  all[network] = { ...all[network], [mode]: speed };
  process.stdout.write(`${network.padEnd(12)} ${mode.padEnd(8)} ${program.padEnd(5)} ${imagesPerSecond}\n`);
  writeFileSync(`${RESULTS}.partial`, `${JSON.stringify(all, null, 2)}\n`);
  renameSync(`${RESULTS}.partial`, RESULTS);
}

function commandFor(program: Program, network: string, mode: Mode): string[] {
  const { settings } = listNetworks().find(({ name }) => name === network)!;
  switch (program) {
    case 'here':
      // The network as it is trained and as it is best for inference differ.
      return [
        process.execPath,
        ...process.execArgv,
        here('./network-speed.ts'),
        ...['--network', network, '--threads', THREADS, '--mode', mode === 'forward' ? 'folded' : mode],
      ];
    case 'mxnet': {
      const symbol = join(folder, `${network}-symbol.json`);
      writeFileSync(symbol, serializeMxnetSymbol(networkGraph(network)));
      return [process.env.ARCFACE_MXNET_PYTHON!, here('./mxnet_peer.py'), symbol, '--mode', mode];
    }
    case 'torch':
      return [
        process.env.ARCFACE_TORCH_PYTHON!,
        here('./torch_peer.py'),
        ...['--network', network.startsWith('mbf') ? 'mbf' : 'iresnet', '--threads', THREADS, '--mode', mode],
        ...['--width', String(settings.width ?? 1), '--blocks', ...settings.blocks!.map(String)],
      ];
  }
}
