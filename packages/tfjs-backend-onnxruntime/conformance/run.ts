/**
 * Runs tfjs-core's own specs (those of its npm package) on this backend, in as many processes as there are cores, and
 * holds the result to exclusions.txt and table.md. `pnpm conformance [--write] [--only TEXT] [--backend cpu]`:
 * `--write` keeps the new table, `--only` runs the specs whose name contains a text, and `--backend cpu` runs them on
 * tfjs's plain CPU backend instead, to see that the specs themselves are well.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readExclusions } from './exclusions.ts';
import { runSpecs } from './run-specs.ts';
import { judge, table } from './verdict.ts';

const { values: options } = parseArgs({
  options: {
    backend: { type: 'string', default: 'onnxruntime' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

const tableFile = new URL('./table.md', import.meta.url);
const minutesAllowed = 30;

const started = performance.now();
const { outcomes, unfinished } = await runSpecs({
  backendName: options.backend,
  minutes: minutesAllowed,
  ...(options.only && { only: options.only }),
});

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
if (unfinished) faults.push(`not all specs ended: ${unfinished}`);
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
