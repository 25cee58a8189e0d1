/**
 * How long `arcface drop` takes beside the reference's loop over MXNet (`drop_mxnet_peer.py`), on the same records, model and
 * number of threads, in turns; what both keep has to be the same number of images. The records are all of LFW, or its identities
 * of so many images; the network is InsightFace's y1, and a sub-centre of each identity is the mean of its embeddings, the others
 * are drawn.
 *
 *     npx tsx tooling/lfw/drop-speed.ts --python <python with MXNet> --threads 1 --runs 1
 *
 * Prints a line of JSON: of each run the seconds by the clock (ours with the start of Node, the peer's without its imports) and the
 * seconds of processors (of the whole process, both), and the ratios of the medians. Processor time can be compared on a machine
 * that has other things to do; it needs bash. By default ours runs from source; `--program` runs a built one, as users have it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseNdArrays, serializeNdArrays } from '@arcface/backbones';
import { seededRandom } from '@arcface/cleaner';
import * as tf from '@tensorflow/tfjs-core';
import { Command } from 'commander';
import 'tfjs-backend-onnxruntime';
import { frozenEmbeddings, type ImageEmbeddings } from './frozen-networks.ts';
import { openLfw, PRETRAINED } from './lfw.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const options = new Command()
  .requiredOption('--python <path>', 'an interpreter with MXNet')
  .option('--program <main.js>', 'a built arcface (default: this source)')
  .option('--least <n>', 'images that an identity has at least', '1')
  .option('--k <n>', 'sub-centres', '3')
  .option('--threads <n>', 'of both', '1')
  .option('--runs <n>', 'of each', '3')
  .parse()
  .opts<Record<'least' | 'python' | 'k' | 'threads' | 'runs', string> & { readonly program?: string }>();

/** Of one run. */
interface Cost {
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly kept: number;
}

const folder = mkdtempSync(join(tmpdir(), 'arcface-drop-speed-'));
const data = join(folder, 'data/train.rec');
const model = join(folder, 'model');
try {
  await prepare();
  const ours: Cost[] = [];
  const peer: Cost[] = [];
  for (let run = 0; run < Number(options.runs); run++) {
    ours.push(dropByOurs(join(folder, `ours-${run}`)));
    peer.push(dropByPeer(join(folder, `peer-${run}`)));
  }
  const ratio = (of: 'seconds' | 'processorSeconds'): number =>
    Number((median(peer.map((cost) => cost[of])) / median(ours.map((cost) => cost[of]))).toFixed(2));
  console.log(
    JSON.stringify({
      threads: Number(options.threads),
      ours,
      peer,
      ratio: ratio('seconds'),
      processorRatio: ratio('processorSeconds'),
    }),
  );
} finally {
  rmSync(folder, { recursive: true });
}

/** Writes the records, and the network with its sub-centres. */
async function prepare(): Promise<void> {
  const lfw = openLfw();
  if (lfw === undefined) throw new Error('LFW is not there (../shared/data/lfw112.tar.gz)');
  const people = [...lfw.people.values()].filter((images) => images.length >= Number(options.least));
  const list = join(folder, 'images.lst');
  const lines = people.flatMap((images, label) => images.map((image) => `${label}\t${image}`));
  writeFileSync(list, lines.map((line, key) => `${key}\t${line}\n`).join(''));
  const pack = ['rec', 'pack', list, '--root', lfw.directory, '--output', join(folder, 'data')];
  execFileSync(process.execPath, ['--import', 'tsx', path('../../apps/cli/src/main.ts'), ...pack]);

  await tf.setBackend('onnxruntime');
  const embeddings = await frozenEmbeddings(lfw, 'y1');
  const [prefix] = PRETRAINED.split(',');
  copyFileSync(`${prefix}-symbol.json`, `${model}-symbol.json`);
  const centres = subcenters(people, embeddings);
  const { arrays } = parseNdArrays(readFileSync(`${prefix}-0000.params`));
  const shape = [people.length * Number(options.k), embeddings.dimensions];
  const all = [...arrays, { name: 'arg:fc7_0_weight', dtype: 'float32' as const, shape, data: centres }];
  writeFileSync(
    `${model}-0000.params`,
    serializeNdArrays({ names: all.map(({ name }) => name), arrays: all }),
  );
}

/** The mean direction of each person's images, and other directions. */
function subcenters(
  people: readonly (readonly string[])[],
  { of, dimensions }: ImageEmbeddings,
): Float32Array {
  const random = seededRandom(1);
  const centres = Float32Array.from(
    { length: people.length * Number(options.k) * dimensions },
    () => random.uniform() - 0.5,
  );
  people.forEach((images, person) => {
    const start = person * Number(options.k) * dimensions;
    centres.fill(0, start, start + dimensions);
    for (const embedding of images.map(of)) {
      const norm = Math.hypot(...embedding);
      for (let d = 0; d < dimensions; d++) centres[start + d]! += embedding[d]! / norm;
    }
  });
  return centres;
}

function dropByOurs(output: string): Cost {
  const program =
    options.program === undefined
      ? ['--import', 'tsx', path('../../apps/cli/src/main.ts')]
      : [options.program];
  const { text, seconds, processorSeconds } = timed([
    ...[process.execPath, ...program, 'drop', '--json', '--layout', 'flat'],
    ...['--data', data, '--model', `${model},0`, '--k', options.k, '--threshold', '75'],
    ...['--threads', options.threads, '--output', output],
  ]);
  return { seconds, processorSeconds, kept: JSON.parse(text).kept };
}

function dropByPeer(output: string): Cost {
  const { text, processorSeconds } = timed(
    [
      ...[options.python, path('drop_mxnet_peer.py'), data, `${model},0`],
      ...['--k', options.k, '--output', output],
    ],
    { OMP_NUM_THREADS: options.threads, MXNET_SUBGRAPH_BACKEND: 'NONE' },
  );
  const { seconds, kept } = JSON.parse(text.trim().split('\n').at(-1)!);
  return { seconds: Number(seconds.toFixed(2)), processorSeconds, kept };
}

function timed(
  command: readonly string[],
  environment: Record<string, string> = {},
): { text: string; seconds: number; processorSeconds: number } {
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['-c', 'TIMEFORMAT="%R %U %S"; time "$@"', 'bash', ...command],
    { encoding: 'utf8', env: { ...process.env, ...environment }, maxBuffer: 2 ** 26 },
  );
  if (status !== 0) throw new Error(`${command.join(' ')} failed: ${stderr}`);
  const [real, user, system] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number);
  return { text: stdout, seconds: real!, processorSeconds: Number((user! + system!).toFixed(2)) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
