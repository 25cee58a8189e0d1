/**
 * Runs tfjs-core's own specs on a backend that is not this project's, as `arcface` binds it, and keeps the counts in op-suite.json,
 * where table.ts finds them: on a GPU in software they take an hour. What fails is held to the backend's list in known-failures/;
 * a failure that is not on it is printed, and kept with the counts.
 *
 *     npx tsx tooling/backends-table/op-suite.ts node|node-gpu|webgpu [--minutes 10] [--outcomes FILE] [--only TEXT]
 *
 * After `--minutes` the run is stopped, and what has not run by then is said to have not. With `--outcomes` how each spec ended is kept in
 * a file, too, and what the file has is not run again: so a long run can be had in parts, the first of which finds no file. `--only` (specs
 * whose name contains a text) keeps no counts. The packages are found as `arcface --backend` finds them.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { findOptionalPackage } from '../../apps/cli/src/backends/optional-package.ts';
import { findTfjsNode } from '../../apps/cli/src/backends/tfjs-node.ts';
import {
  plainName,
  readOutcomes,
  runsOnBackend,
} from '../../packages/tfjs-backend-onnxruntime/conformance/outcome.ts';
import { runSpecs } from '../../packages/tfjs-backend-onnxruntime/conformance/run-specs.ts';
import { explain, readKnownFailures } from './known-failures.ts';
import { readSuiteCounts, type SuiteCounts, suiteFile } from './suite-counts.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '10' },
    outcomes: { type: 'string' },
    only: { type: 'string' },
  },
});
const backend = positionals[0] ?? '';

function required(found: string | undefined, what: string): string {
  if (found !== undefined) return found;
  console.error(`${what} was not found: see tooling/tfjs-node and tooling/webgpu`);
  process.exit(1);
}

/** Under which name tfjs knows the backend, and where its package is. */
function binding(): { backendName: string; environment: Record<string, string> } {
  if (backend === 'node' || backend === 'node-gpu') {
    const file = required(findTfjsNode(backend === 'node' ? 'cpu' : 'gpu'), backend);
    return {
      backendName: 'tensorflow',
      environment: { CONFORMANCE_PACKAGE: file, TF_CPP_MIN_LOG_LEVEL: '2', TF_ENABLE_ONEDNN_OPTS: '0' },
    };
  }
  if (backend === 'webgpu') {
    const { ARCFACE_WEBGPU } = process.env;
    const folder = ARCFACE_WEBGPU || undefined;
    return {
      backendName: 'webgpu',
      environment: {
        CONFORMANCE_PACKAGE: required(
          findOptionalPackage('@tensorflow/tfjs-backend-webgpu', folder),
          'webgpu',
        ),
        CONFORMANCE_DAWN: required(findOptionalPackage('webgpu', folder), 'Dawn (the package webgpu)'),
      },
    };
  }
  console.error(`expected one of node, node-gpu, webgpu, found '${backend}'`);
  process.exit(2);
}

const { backendName, environment } = binding();
const minutes = Number(values.minutes);
const earlier = values.outcomes === undefined ? [] : readOutcomes(values.outcomes);
const { outcomes, unfinished } = await runSpecs({
  ...{ backendName, environment, minutes },
  ...(values.outcomes && { outcomes: values.outcomes }),
  ...(values.only && { only: values.only }),
});
const ours = [...earlier, ...outcomes].filter(({ name }) => runsOnBackend(name, backendName));
const failing = ours
  .filter(({ passed }) => !passed)
  .map(({ name, message }) => ({ name: plainName(name, backendName), message: message ?? 'no message' }));
const { kinds, unexplained, unused } = explain(
  failing.map(({ name }) => name),
  readKnownFailures(backend),
);
const counts: SuiteCounts = {
  pass: ours.filter(({ passed }) => passed).length,
  fail: failing.length,
  isWhole: unfinished === null,
  minutes: minutes + (earlier.length > 0 ? (readSuiteCounts()[backend]?.minutes ?? 0) : 0),
  kinds,
  unexplained,
};
for (const { name, message } of failing) {
  if (unexplained.includes(name)) console.log(`not explained: ${name}: ${message}`);
}
if (counts.isWhole && !values.only) for (const spec of unused) console.log(`fails no longer: ${spec}`);
console.log(
  `${backend}: ${counts.pass} pass, ${counts.fail} fail, of these ${counts.fail - unexplained.length} explained` +
    `${unfinished ? `; stopped: ${unfinished}` : ''}`,
);
if (!values.only) {
  writeFileSync(suiteFile, `${JSON.stringify({ ...readSuiteCounts(), [backend]: counts }, null, 2)}\n`);
}
