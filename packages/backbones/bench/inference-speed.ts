/**
 * Times inference in four ways: the network as it is trained, `inferenceBackbone` of it, and either of them exported and run by
 * ONNX Runtime directly. Each in a process of its own, one after the other and then all again, so that what slows the machine
 * down for a while does not fall on one of them. Updates results/inference.json, of which `table.ts` makes a table.
 *
 *     npx tsx packages/backbones/bench/inference-speed.ts [--seconds 350] [--again] [network...]
 *
 * A network is stored when it has been timed in all ways, and what is there is passed over (unless `--again`): a run that was
 * ended goes on where it was. No network is begun after `--seconds`. Without names, those of `NETWORKS`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type InferenceMode, type InferenceSpeeds, inferenceModes } from './speeds.ts';

const NETWORKS = ['y1', 'r50', 'm1', 'r18', 'vargfacenet', 'mnas', 'iresnet50', 'd121', 'y2'];
const ROUNDS = 2;
/** The same for all, whatever the network: the best step of many for the small ones, of a few for the large. */
const OPTIONS = ['--batch', '8', '--threads', '2', '--steps', '3', '--seconds', '2'];
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const RESULTS = here('./results/inference.json');

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: 'Infinity' }, again: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const networks = positionals.length > 0 ? positionals : NETWORKS;

for (const network of networks) {
  const all = readResults();
  if (!values.again && all[network]?.command === commandOf(network)) continue;
  if (performance.now() > Number(values.seconds) * 1000) break;
  const speeds = { ...timed(network), command: commandOf(network) };
  store({ ...all, [network]: speeds });
  process.stdout.write(`${network.padEnd(12)} ${JSON.stringify(speeds)}\n`);
}

function readResults(): InferenceSpeeds {
  return existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as InferenceSpeeds) : {};
}

function store(all: InferenceSpeeds): void {
  writeFileSync(`${RESULTS}.partial`, `${JSON.stringify(all, null, 2)}\n`);
  renameSync(`${RESULTS}.partial`, RESULTS);
}

function commandOf(network: string): string {
  return `npx tsx packages/backbones/bench/inference-speed.ts ${network}`;
}

/** Images per second in each mode, one for each round. */
function timed(network: string): Record<InferenceMode, number[]> {
  const speeds: Record<InferenceMode, number[]> = { forward: [], folded: [], onnx: [], 'onnx-folded': [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const mode of inferenceModes) speeds[mode].push(imagesPerSecond(network, mode));
  }
  return speeds;
}

function imagesPerSecond(network: string, mode: InferenceMode): number {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...process.execArgv, here('./network-speed.ts'), '--network', network, '--mode', mode, ...OPTIONS],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${network}, ${mode} failed: ${stderr}`);
  const line = stdout.trim().split('\n').at(-1)!;
  return (JSON.parse(line) as { imagesPerSecond: number }).imagesPerSecond;
}
