/**
 * The main job on real faces, with the controls that say what it is worth: LFW identities with injected noise, networks
 * trained on the noisy labels, images dropped, networks trained again, and all of them verified on people who were never
 * trained on. Networks start from scratch, or from InsightFace's MobileFaceNet, of which the last stages are trained on:
 *
 *     npx tsx tooling/lfw/end-to-end.ts --seeds 0,1,2 --rates .4,.2,0 --output results.jsonl --evidence evidence
 *     npx tsx tooling/lfw/end-to-end.ts --start pretrained --arms untouched,k1,k3,paper,best,truth --seeds 0,1,2 --rates .4,.2,0 \
 *       --output results.jsonl --evidence evidence
 *
 * Every network is a line of the output; lines that are there already are not computed again. `table.ts` turns them into
 * the tables of the documentation, those of each start apart; `self-trained-table.ts` compares rules on the evidence.
 */
import { appendFile } from 'node:fs/promises';
import { type ConfusionMetrics, confusionMetrics, seededRandom } from '@arcface/cleaner';
import { compactLabels, filterDataset } from '@arcface/recordio';
import * as tf from '@tensorflow/tfjs-core';
import { Command } from 'commander';
import { configure } from 'tfjs-backend-onnxruntime';
import { openLfw } from './lfw.ts';
import { noisyLfw } from './noisy-lfw.ts';
import { type Row, readRows, STARTS, startOf } from './results.ts';
import { dropsOf, type SelfTrainedRule } from './self-trained-rules.ts';
import { openStart } from './starts.ts';
import { evidencePath, readEvidence, type TrainingEvidence, writeEvidence } from './training-evidence.ts';
import { measureStart, stepsOver, type Trained, type Trial, trainNetwork } from './trial.ts';

/** Keeps the random control's choice apart from the noise's. */
const RANDOM_DROP_SEED = 1_000_000;

/** What the networks of a cell are trained on, in the order in which they are needed. */
type Arm =
  | { readonly kind: 'untouched' }
  | { readonly kind: 'noisy'; readonly subcenters: number }
  | {
      readonly kind: 'dropped';
      readonly rule: SelfTrainedRule;
      readonly steps: 'equal epochs' | 'equal steps';
      /** What judges, side by side. Default: the network trained on all labels. */
      readonly judges?: readonly Judge[];
    }
  | { readonly kind: 'random'; readonly like: SelfTrainedRule }
  | { readonly kind: 'truth' };

/** Networks by what they were trained on: all labels, what they left of all, what that left, and what the two of them left together. */
type Judge = 'noisy' | 'again' | 'twice' | 'both';

const ARMS: Readonly<Record<string, Arm>> = {
  untouched: { kind: 'untouched' },
  k1: { kind: 'noisy', subcenters: 1 },
  k3: { kind: 'noisy', subcenters: 3 },
  k5: { kind: 'noisy', subcenters: 5 },
  k10: { kind: 'noisy', subcenters: 10 },
  best: { kind: 'dropped', rule: 'self-trained', steps: 'equal epochs' },
  paper: { kind: 'dropped', rule: 'K = 3 at 75', steps: 'equal epochs' },
  'paper-70': { kind: 'dropped', rule: 'K = 3 at 70', steps: 'equal epochs' },
  'paper-80': { kind: 'dropped', rule: 'K = 3 at 80', steps: 'equal epochs' },
  auto: { kind: 'dropped', rule: 'auto', steps: 'equal epochs' },
  'paper-steps': { kind: 'dropped', rule: 'K = 3 at 75', steps: 'equal steps' },
  'paper-random': { kind: 'random', like: 'K = 3 at 75' },
  'k1-75': { kind: 'dropped', rule: 'K = 1 at 75', steps: 'equal epochs' },
  'best-steps': { kind: 'dropped', rule: 'self-trained', steps: 'equal steps' },
  twice: { kind: 'dropped', rule: 'self-trained', steps: 'equal epochs', judges: ['again'] },
  both: { kind: 'dropped', rule: 'self-trained', steps: 'equal epochs', judges: ['noisy', 'again'] },
  three: { kind: 'dropped', rule: 'self-trained', steps: 'equal epochs', judges: ['noisy', 'again', 'both'] },
  random: { kind: 'random', like: 'self-trained' },
  truth: { kind: 'truth' },
};

function armsOf(list: string): Arm[] {
  return list.split(',').map((name) => {
    const arm = ARMS[name];
    if (arm === undefined)
      throw new Error(`--arms: there is no ${name}; there are ${Object.keys(ARMS).join(', ')}.`);
    return arm;
  });
}

const SAID_OF_JUDGES: Readonly<Record<string, string>> = {
  again: ', twice',
  'noisy,again': ', two networks',
  'noisy,again,both': ', three networks',
};

function judgesOf({ judges = ['noisy'] }: Extract<Arm, { kind: 'dropped' }>): readonly Judge[] {
  return judges;
}

function nameOf(arm: Arm): string {
  switch (arm.kind) {
    case 'untouched':
      return 'not fine-tuned';
    case 'noisy':
      return `noisy, K = ${arm.subcenters}`;
    case 'dropped':
      return `dropped by ${arm.rule}${SAID_OF_JUDGES[judgesOf(arm).join()] ?? ''}${arm.steps === 'equal steps' ? ', as many steps as the noisy ones' : ''}`;
    case 'random':
      return `as many dropped at random as by ${arm.like}`;
    case 'truth':
      return 'the truth known';
  }
}

async function main(): Promise<void> {
  const options = new Command()
    .option('--start <name>', `what networks start from: ${STARTS.join(', ')}`, 'scratch')
    .option('--seeds <list>', 'seeds of noise, initial weights and order', '0,1,2')
    .option('--rates <list>', 'shares of bad images', '.4,.2,0')
    .option('--arms <list>', `of ${Object.keys(ARMS).join(', ')}`, 'k1,k3,best,paper,best-steps,random,truth')
    .option('--threads <n>', 'threads of the backend', '2')
    .requiredOption('--evidence <folder>', 'what the networks trained on noisy labels tell of their images')
    .requiredOption('--output <file>', 'results, one line of JSON a network; appended to')
    .parse()
    .opts<Record<'start' | 'seeds' | 'rates' | 'arms' | 'threads' | 'evidence' | 'output', string>>();
  const arms = armsOf(options.arms);
  const lfw = openLfw();
  if (lfw === undefined) {
    console.error('skipped: LFW is not there (../shared/data/lfw112.tar.gz)');
    return;
  }
  configure({ threads: Number(options.threads) });
  await tf.setBackend('onnxruntime');
  const start = await openStart(options.start, lfw);
  for (const arm of arms) {
    for (const seed of options.seeds.split(',').map(Number)) {
      for (const rate of options.rates.split(',').map(Number)) {
        const name = nameOf(arm);
        // Read again each time: another process may be at other cells.
        const isDone = readRows(options.output).some(
          (row) =>
            row.seed === seed && row.rate === rate && row.network === name && startOf(row) === start.name,
        );
        if (isDone) continue;
        const begun = performance.now();
        const noisy = noisyLfw(lfw, start.faces.dataset, { rate, seed });
        const { row, drop } = await run(arm, { lfw, start, noisy, seed, rate }, options.evidence);
        const seconds = (performance.now() - begun) / 1000;
        await appendFile(
          options.output,
          `${JSON.stringify({ ...row, ...(drop && { drop }), seconds } satisfies Row)}\n`,
        );
        console.error(
          `rate ${rate} seed ${seed} ${name}: accuracy ${row.accuracy.toFixed(4)} auc ${row.auc.toFixed(4)}${drop ? ` F1 ${drop.f1?.toFixed(3)}` : ''} (${seconds.toFixed(0)} s)`,
        );
      }
    }
  }
}

async function run(
  arm: Arm,
  trial: Trial,
  evidenceFolder: string,
): Promise<{ readonly row: Trained['row']; readonly drop?: Row['drop'] }> {
  const { dataset, bad } = trial.noisy;
  const name = nameOf(arm);
  if (arm.kind === 'untouched') return { row: await measureStart(trial, name) };
  const cell = { ...trial, start: trial.start.name };
  if (arm.kind === 'noisy') {
    const { subcenters } = arm;
    const { row, evidence } = await trainNetwork(trial, name, dataset, { subcenters });
    writeEvidence(evidencePath(evidenceFolder, cell, `k-${subcenters}`), evidence);
    return { row };
  }
  const gone = chosen(arm, trial, (subcenters) => {
    const [first, ...others] = (arm.kind === 'dropped' ? judgesOf(arm) : (['noisy'] as const)).map(
      (judge) => {
        const isAll = arm.kind !== 'dropped' || judge === 'noisy';
        const network = isAll ? `k-${subcenters}` : evidenceName(arm.rule, judge);
        const path = evidencePath(evidenceFolder, cell, network);
        const evidence = readEvidence(path);
        if (evidence !== undefined) return evidence;
        throw new Error(
          `${path} is not there yet: train that network first (--arms ${isAll ? 'k1,k3' : judge === 'again' ? 'best' : judge})`,
        );
      },
    );
    return [first!, ...others];
  });
  const kept = Array.from(gone.keys()).filter((i) => gone[i] === 0);
  const clean = compactLabels(filterDataset(dataset, kept));
  const steps =
    arm.kind === 'dropped' && arm.steps === 'equal steps' ? stepsOver(dataset, trial.start) : undefined;
  const { row, evidence } = await trainNetwork(trial, name, clean, { subcenters: 1, steps });
  if (arm.kind === 'dropped' && steps === undefined) {
    const trainedOn = TRAINED_ON[judgesOf(arm).join()];
    if (trainedOn !== undefined)
      writeEvidence(evidencePath(evidenceFolder, cell, evidenceName(arm.rule, trainedOn)), evidence);
  }
  return { row, drop: { ...found(gone, bad), dropped: dataset.length - clean.length } };
}

/** What a network is as a judge that is trained on what these left. */
const TRAINED_ON: Readonly<Record<string, Judge>> = { noisy: 'again', again: 'twice', 'noisy,again': 'both' };

function evidenceName(rule: SelfTrainedRule, judge: Judge): string {
  const suffix = judge === 'again' ? '' : `-${judge}`;
  return rule.replaceAll(' ', '-') + suffix;
}

/** 1 for every image that the network is not trained on. */
function chosen(
  arm: Exclude<Arm, { kind: 'untouched' | 'noisy' }>,
  { noisy, seed }: Trial,
  evidence: (subcenters: number) => readonly [TrainingEvidence, ...TrainingEvidence[]],
): Uint8Array {
  switch (arm.kind) {
    case 'dropped':
      return dropsOf(arm.rule, evidence);
    case 'random':
      return randomDrop(dropsOf(arm.like, evidence), seed);
    case 'truth':
      return noisy.bad;
  }
}

/** How well the images that are gone match those that are bad. */
function found(gone: Uint8Array, bad: Uint8Array): ConfusionMetrics {
  const count = (is: (i: number) => boolean) => gone.filter((_, i) => is(i)).length;
  return confusionMetrics(
    count((i) => gone[i] === 1 && bad[i] === 1),
    count((i) => gone[i] === 1 && bad[i] === 0),
    count((i) => gone[i] === 0 && bad[i] === 1),
  );
}

/** As many images as `like` drops, chosen without looking. */
function randomDrop(like: Uint8Array, seed: number): Uint8Array {
  const gone = new Uint8Array(like.length);
  const count = like.reduce((sum, value) => sum + value, 0);
  // Not the generator that chose the noise: with the same seed it would choose the same images.
  const random = seededRandom(seed + RANDOM_DROP_SEED);
  for (const image of random.permutation(like.length).subarray(0, count)) gone[image] = 1;
  return gone;
}

await main();
