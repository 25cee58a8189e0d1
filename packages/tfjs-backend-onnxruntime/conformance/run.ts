/**
 * Runs tfjs-core's own specs (those of its npm package) on this backend, in as many processes as there are cores, and
 * holds the result to exclusions.txt and table.md. `pnpm conformance [--write] [--only TEXT] [--backend cpu]`:
 * `--write` keeps the new table, `--only` runs the specs whose name contains a text, and `--backend cpu` runs them on
 * tfjs's plain CPU backend instead, to see that the specs themselves are well.
 */

import { fork } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { bundleSpecs } from './bundle.ts';
import { readExclusions } from './exclusions.ts';
import type { Outcome, Share } from './outcome.ts';
import { judge, table } from './verdict.ts';

const { values: options } = parseArgs({
  options: {
    backend: { type: 'string', default: 'onnxruntime' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

const tableFile = new URL('./table.md', import.meta.url);
const minutesAllowed = 8;

/** Runs a share of the specs in a process of its own; what it prints is shown only if it ends without a result. */
function runShare(bundle: string, share: Share): Promise<Outcome[]> {
  return new Promise((resolve, reject) => {
    let printed = '';
    let outcomes: Outcome[] | undefined;
    const child = fork(bundle, [], {
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      timeout: minutesAllowed * 60_000,
      env: {
        ...process.env,
        CONFORMANCE_BACKEND: options.backend,
        CONFORMANCE_SHARE: JSON.stringify(share),
        TFJS_ONNXRUNTIME_THREADS: '1',
        TFJS_ONNXRUNTIME_DISK_CACHE: '0',
      },
    });
    const keep = (text: Buffer) => {
      printed = (printed + text).slice(-4000);
    };
    child.stdout!.on('data', keep);
    child.stderr!.on('data', keep);
    child.on('message', (message) => {
      outcomes = message as Outcome[];
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (outcomes) resolve(outcomes);
      else reject(new Error(`the specs ended early (${signal ?? code}); last words:\n${printed}`));
    });
  });
}

const started = performance.now();
const bundle = await bundleSpecs();
const of = availableParallelism();
const shares = Array.from({ length: of }, (_, index) => ({
  index,
  of,
  ...(options.only && { only: options.only }),
}));
const outcomes = (await Promise.all(shares.map((share) => runShare(bundle, share)))).flat();

const isWhole = options.only === undefined && options.backend === 'onnxruntime';
const exclusions = options.backend === 'onnxruntime' ? readExclusions() : [];
const verdict = judge(outcomes, exclusions, options.backend);
// Part of the specs uses part of the exclusions.
const faults = isWhole ? [...verdict.faults] : verdict.faults.filter((fault) => !fault.startsWith('no spec'));
const { passed, lacks, differs } = verdict.total;
const { withoutBackend } = verdict;
console.log(
  `tfjs-core's specs on '${options.backend}': ${passed} pass, ${lacks} do not apply, ${differs} differ ` +
    `(${((100 * differs) / (passed + differs)).toFixed(2)} % of the applicable), ` +
    `${outcomes.length - withoutBackend.specs - passed - lacks - differs} fail unexpectedly; ` +
    `${withoutBackend.passed} of ${withoutBackend.specs} that need no backend pass ` +
    `(${((performance.now() - started) / 1000).toFixed(0)} s)`,
);

if (isWhole) {
  const found = table(verdict);
  if (options.write) writeFileSync(tableFile, found);
  else if (!existsSync(tableFile) || readFileSync(tableFile, 'utf8') !== found) {
    faults.push('the counts are not those of conformance/table.md; look why, then run with --write');
  }
}
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
