/**
 * Measures networks here and in MXNet, in turn, each in a process of its own, and updates results/speed.json.
 *
 *     npx tsx packages/backbones/bench/measure.ts [--batch 8] [--forward-only] network...
 *
 * MXNet runs the symbol that is written here; ARCFACE_MXNET_PYTHON names a Python that has it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { networkGraph, serializeMxnetSymbol } from '../src/index.ts';

const { values, positionals } = parseArgs({
  options: {
    batch: { type: 'string', default: '8' },
    'forward-only': { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const RESULTS = here('./results/speed.json');
const MODES = values['forward-only'] ? (['forward'] as const) : (['forward', 'training'] as const);
type Speeds = Record<string, Record<string, number>>;
const all: Speeds = existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Speeds) : {};
const folder = mkdtempSync(join(tmpdir(), 'arcface-speed-'));
for (const network of positionals) {
  const symbol = join(folder, `${network}-symbol.json`);
  writeFileSync(symbol, serializeMxnetSymbol(networkGraph(network)));
  const common = ['--batch', values.batch, '--steps', '3'];
  for (const mode of MODES) {
    // The network as it is trained and as it is best for inference differ.
    const ours = mode === 'forward' ? 'folded' : mode;
    const speed = run('npx', [
      'tsx',
      here('./network-speed.ts'),
      '--network',
      network,
      '--mode',
      ours,
      ...common,
    ]);
    const python = process.env.ARCFACE_MXNET_PYTHON;
    const peer =
      python === undefined
        ? undefined
        : run(python, [here('./mxnet_peer.py'), symbol, '--mode', mode, ...common]);
    all[network] = {
      ...all[network],
      [mode]: speed,
      ...(peer === undefined ? {} : { [`${mode}InMxnet`]: peer }),
    };
  }
  process.stdout.write(`${network.padEnd(12)} ${JSON.stringify(all[network])}\n`);
  writeFileSync(RESULTS, `${JSON.stringify(all, null, 2)}\n`);
}
rmSync(folder, { recursive: true });

function run(command: string, args: readonly string[]): number {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: '2' },
  });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`);
  }
  return (JSON.parse(stdout.trim().split('\n').at(-1)!) as { imagesPerSecond: number }).imagesPerSecond;
}
