import { describe, expect, test } from 'vitest';
import { xoshiro128 } from './random-order.ts';
import { FUZZ_TARGETS } from './testing/fuzz-targets.ts';
import { mutate } from './testing/mutate.ts';

const RUNS = 1500;

// A longer run is `tsx bench/fuzz.ts`; what it finds goes into the seeds or becomes a test of its own.
describe.each(FUZZ_TARGETS)('$name', ({ seeds, run }) => {
  test('takes its own seeds', async () => {
    for (const seed of seeds) {
      await run(seed);
    }
  });

  test('ends every mutated input in a result or a RecordIOError', async () => {
    const random = xoshiro128([1, 2, 3, 4]);
    for (let i = 0; i < RUNS; i++) {
      const input = mutate(seeds[i % seeds.length]!, seeds[random.next() % seeds.length]!, random);
      await run(input).catch((error: unknown) => {
        expect.fail(`${Buffer.from(input).toString('hex')}: ${error instanceof Error ? error.stack : error}`);
      });
    }
  });
});
