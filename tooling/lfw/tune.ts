/**
 * The learning rate of the end-to-end experiment, for one sub-centre and for three apart: chosen on pairs of people that the
 * experiment does not report, with noise, weights and order of a seed that it does not report either.
 *
 *     npx tsx tooling/lfw/tune.ts --seed 10 --rate .4 --subcenters 1,3 --learning-rates .02,.05,.1 --output tuning.jsonl
 *     npx tsx tooling/lfw/tune.ts --start pretrained --subcenters 1,3 --learning-rates .003,.01,.03 --output tuning.jsonl
 *
 * A line of JSON a network; look at `validationAuc`.
 */
import { appendFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import { Command } from 'commander';
import { configure } from 'tfjs-backend-onnxruntime';
import { openLfw } from './lfw.ts';
import { noisyLfw } from './noisy-lfw.ts';
import { STARTS } from './results.ts';
import { openStart } from './starts.ts';
import { trainNetwork } from './trial.ts';

const options = new Command()
  .option('--start <name>', `what networks start from: ${STARTS.join(', ')}`, 'scratch')
  .option('--seed <n>', 'of noise, initial weights and order', '10')
  .option('--rate <share>', 'of bad images', '.4')
  .option('--subcenters <list>', 'K', '1,3')
  .option('--learning-rates <list>', 'to be tried', '.02,.05,.1')
  .option('--threads <n>', 'threads of the backend', '2')
  .requiredOption('--output <file>', 'lines of JSON; appended to')
  .parse()
  .opts<Record<'start' | 'seed' | 'rate' | 'subcenters' | 'learningRates' | 'threads' | 'output', string>>();

const lfw = openLfw();
if (lfw === undefined) {
  console.error('skipped: LFW is not there (../shared/data/lfw112.tar.gz)');
  process.exit();
}
configure({ threads: Number(options.threads) });
await tf.setBackend('onnxruntime');
const start = await openStart(options.start, lfw);
const [seed, rate] = [Number(options.seed), Number(options.rate)];
const noisy = noisyLfw(lfw, start.faces.dataset, { rate, seed });
for (const learningRate of options.learningRates.split(',').map(Number)) {
  for (const subcenters of options.subcenters.split(',').map(Number)) {
    const trial = { lfw, start, noisy, seed, rate };
    const { row } = await trainNetwork(trial, `K = ${subcenters}`, noisy.dataset, {
      subcenters,
      learningRate,
    });
    await appendFile(options.output, `${JSON.stringify({ ...row, subcenters })}\n`);
  }
}
