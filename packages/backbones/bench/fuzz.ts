/**
 * Feeds damaged files to every reader of the package, and says how many were refused and how long the slowest took.
 *
 *     npx tsx packages/backbones/bench/fuzz.ts [--count 100000] [--seed 0]
 *
 * `--count` is for each reader. Stops at the first input that is answered with anything but a result or a typed error.
 */
import { parseArgs } from 'node:util';
import { setCpuBackend } from '../src/testing/backend.ts';
import { hostileReaders, refuses } from '../src/testing/hostile-readers.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '0' } },
});
const count = Number(values.count);
const first = Number(values.seed);

await setCpuBackend();
for (const reader of hostileReaders()) {
  let refused = 0;
  let slowest = 0;
  for (let seed = first; seed < first + count; seed++) {
    const start = performance.now();
    refused += refuses(reader, seed) ? 1 : 0;
    slowest = Math.max(slowest, performance.now() - start);
  }
  const megabytes = process.memoryUsage().rss / 2 ** 20;
  process.stdout.write(
    `${reader.name}: ${count} damaged files, ${refused} refused, the rest read; slowest ${slowest.toFixed(0)} ms; process ${megabytes.toFixed(0)} MB\n`,
  );
}
