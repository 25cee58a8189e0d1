/**
 * The long run of the fuzzer: `npx tsx packages/onnx-format/bench/fuzz.ts [inputs = 200000] [seed = 1]`. The first input that
 * is not handled is printed in hexadecimal, and the run fails. So does one that takes more than a second.
 */
import { mutate, xorshift } from '../src/testing/mutate.ts';
import { readEverything } from '../src/testing/read-everything.ts';
import { sampleModel } from '../src/testing/sample-model.ts';
import { serializeOnnxModel } from '../src/write-model.ts';

const inputs = Number(process.argv[2] ?? 200_000);
const random = xorshift(Number(process.argv[3] ?? 1));
const seeds = [serializeOnnxModel(sampleModel())];
// Mutants that are still models are mutated further, so that the run gets away from its seed.
const pool = [...seeds];
const started = performance.now();
let slowest = 0;
let models = 0;
for (let i = 0; i < inputs; i++) {
  const input = mutate(pool[random() % pool.length]!, pool[random() % pool.length]!, random);
  const before = performance.now();
  try {
    if (readEverything(input)) {
      models++;
      if (input.length < 8192) pool[pool.length < 64 ? pool.length : 1 + (random() % 63)] = input;
    }
  } catch (error) {
    console.error(`input ${i}\n${Buffer.from(input).toString('hex')}`);
    throw error;
  }
  slowest = Math.max(slowest, performance.now() - before);
  if (slowest > 1000) throw new Error(`an input took ${slowest} ms\n${Buffer.from(input).toString('hex')}`);
}
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(
  `${inputs} inputs in ${seconds} s, ${models} of them still models, the slowest ${slowest.toFixed(1)} ms, all handled`,
);
