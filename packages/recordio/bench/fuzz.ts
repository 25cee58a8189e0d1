/**
 * The long run of the fuzzer: `tsx bench/fuzz.ts [inputs = 1000000] [seed = 1]`. The first input that is not handled is
 * printed in hexadecimal, and the run fails. So does one that takes more than a second.
 */
import { xoshiro128 } from '../src/random-order.ts';
import { FUZZ_TARGETS } from '../src/testing/fuzz-targets.ts';
import { mutate } from '../src/testing/mutate.ts';

const inputs = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? 1);
const perTarget = Math.ceil(inputs / FUZZ_TARGETS.length);

for (const { name, seeds, run } of FUZZ_TARGETS) {
  const random = xoshiro128([seed, 2, 3, 4]);
  // Mutants are mutated further, so that the run gets away from its seeds.
  const pool = [...seeds];
  const started = performance.now();
  let slowest = 0;
  for (let i = 0; i < perTarget; i++) {
    const parent = pool[random.next() % pool.length]!;
    const input = mutate(parent, pool[random.next() % pool.length]!, random);
    if (input.length < 4096 && random.next() % 16 === 0) {
      pool[pool.length < 64 ? pool.length : seeds.length + (random.next() % (64 - seeds.length))] = input;
    }
    const before = performance.now();
    try {
      await run(input);
    } catch (error) {
      console.error(`${name}: input ${i} of seed ${seed}\n${Buffer.from(input).toString('hex')}`);
      throw error;
    }
    slowest = Math.max(slowest, performance.now() - before);
    if (slowest > 1000) {
      throw new Error(`${name}: an input took ${slowest} ms\n${Buffer.from(input).toString('hex')}`);
    }
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${name}: ${perTarget} inputs in ${seconds} s, the slowest ${slowest.toFixed(1)} ms, all handled`,
  );
}
