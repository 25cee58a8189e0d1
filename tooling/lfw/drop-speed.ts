/**
 * How long `arcface drop` takes beside the reference's loop over MXNet (`drop_mxnet_peer.py`), on the same records, model and
 * number of threads, in turns; what both keep has to be the same number of images.
 *
 *     npx tsx tooling/lfw/drop-speed.ts --data in_train.rec --model PREFIX,EPOCH --python python --threads 1
 *
 * Prints a line of JSON: seconds of each run, and the ratio of the medians. Ours includes the start of Node; the peer's leaves its
 * imports out.
 */
import { execFileSync } from 'node:child_process';
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
  .option('--k <n>', 'sub-centres', '3')
  .option('--threads <n>', 'of both', '1')
  .option('--runs <n>', 'of each', '3')
  .parse()
  .opts<Record<'data' | 'model' | 'python' | 'k' | 'threads' | 'runs', string>>();

const folder = mkdtempSync(join(tmpdir(), 'arcface-drop-speed-'));
try {
  const ours: number[] = [];
  const peer: number[] = [];
  let kept = [0, 0];
  for (let run = 0; run < Number(options.runs); run++) {
    kept = [
      timed(ours, () => {
        const begun = performance.now();
        const text = execFileSync(process.execPath, [
          ...['--import', 'tsx', path('../../apps/cli/src/main.ts'), 'drop', '--json', '--layout', 'flat'],
          ...['--data', options.data, '--model', options.model, '--k', options.k],
          ...['--threads', options.threads, '--output', join(folder, `ours-${run}`)],
        ]);
        return { seconds: (performance.now() - begun) / 1000, kept: JSON.parse(String(text)).kept };
      }),
      timed(peer, () => {
        const text = execFileSync(
          options.python,
          [
            ...[path('drop_mxnet_peer.py'), options.data, options.model, '--k', options.k],
            ...['--output', join(folder, `peer-${run}`)],
          ],
          { env: { ...process.env, OMP_NUM_THREADS: options.threads, MXNET_SUBGRAPH_BACKEND: 'NONE' } },
        );
        return JSON.parse(String(text).trim().split('\n').at(-1)!);
      }),
    ];
  }
  const ratio = median(peer) / median(ours);
  console.log(JSON.stringify({ threads: Number(options.threads), kept, ours, peer, ratio }));
} finally {
  rmSync(folder, { recursive: true });
}

function timed(times: number[], run: () => { seconds: number; kept: number }): number {
  const { seconds, kept } = run();
  times.push(Number(seconds.toFixed(2)));
  return kept;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
