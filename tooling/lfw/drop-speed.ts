/**
 * How long `arcface drop` takes beside the reference's loop over MXNet (`drop_mxnet_peer.py`), on the same records, model and
 * number of threads, in turns; what both keep has to be the same number of images.
 *
 *     npx tsx tooling/lfw/drop-speed.ts --data in_train.rec --model PREFIX,EPOCH --python python --threads 1
 *
 * Prints a line of JSON: of each run the seconds by the clock (ours with the start of Node, the peer's without its imports) and the
 * seconds of processors (of the whole process, both), and the ratios of the medians. Processor time can be compared on a machine
 * that has other things to do; it needs bash. By default ours runs from source; `--program` runs a built one, as users have it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const options = new Command()
  .requiredOption('--data <rec>', 'records with header and identity records')
  .requiredOption('--model <prefix,epoch>', 'an MXNet checkpoint with fc7_0_weight')
  .requiredOption('--python <path>', 'an interpreter with MXNet')
  .option('--program <main.js>', 'a built arcface (default: this source)')
  .option('--k <n>', 'sub-centres', '3')
  .option('--threads <n>', 'of both', '1')
  .option('--runs <n>', 'of each', '3')
  .parse()
  .opts<
    Record<'data' | 'model' | 'python' | 'k' | 'threads' | 'runs', string> & { readonly program?: string }
  >();

/** Of one run. */
interface Cost {
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly kept: number;
}

const folder = mkdtempSync(join(tmpdir(), 'arcface-drop-speed-'));
try {
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

function dropByOurs(output: string): Cost {
  const program =
    options.program === undefined
      ? ['--import', 'tsx', path('../../apps/cli/src/main.ts')]
      : [options.program];
  const { text, seconds, processorSeconds } = timed([
    ...[process.execPath, ...program, 'drop', '--json', '--layout', 'flat'],
    ...['--data', options.data, '--model', options.model, '--k', options.k, '--threshold', '75'],
    ...['--threads', options.threads, '--output', output],
  ]);
  return { seconds, processorSeconds, kept: JSON.parse(text).kept };
}

function dropByPeer(output: string): Cost {
  const { text, processorSeconds } = timed(
    [
      ...[options.python, path('drop_mxnet_peer.py'), options.data, options.model],
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
