/**
 * A rank of a run whose steps are timed: `measured-run.ts '{"network": "y1", "batchSize": 24, "steps": 6, "classes": 1000}'`, alone or under
 * mpirun. Rank 0 prints a line of JSON: the median step, and the exchanges of a step. One thread a rank; images are noise. With `"stages": 4`
 * the backward pass is in so many stages, and `hidden` tells how much of the time in which gradients were under way was computed in.
 */
import { createBackbone } from '@arcface/backbones';
import { mpiCommunicator } from '@arcface/mpi';
import { singleRank } from '@arcface/subcenter-loss';
import { train } from '@arcface/trainer';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { configure } from 'tfjs-backend-onnxruntime';
import { isUnderMpi } from '../../packages/mpi/src/mpi-library.ts';
import {
  type RecordedExchange,
  type RecordedReduction,
  recordingCommunicator,
} from './recording-communicator.ts';

export interface MeasuredRunOptions {
  readonly network: string;
  /** Of all ranks together. */
  readonly batchSize: number;
  readonly steps: number;
  readonly classes: number;
  readonly inputSize?: number;
  readonly threads?: number;
  /** Stages of the backward pass. Default 1. */
  readonly stages?: number;
}

export interface MeasuredRun extends MeasuredRunOptions {
  readonly ranks: number;
  /** Median, without the first two steps, in which graphs are compiled. */
  readonly secondsPerStep: number;
  /** Of the median step on rank 0: what it waited for on the spot. */
  readonly exchanges: readonly RecordedExchange[];
  /** Bytes of the sums that were begun in the median step and waited for later. */
  readonly reductions?: readonly number[];
  /** Of all steps but the first two, on rank 0: share of the time with a sum under way in which the rank did not wait for it. */
  readonly hidden?: number;
}

const options = JSON.parse(process.argv[2]!) as MeasuredRunOptions;
const { network, batchSize, steps, classes, inputSize = 112, threads = 1, stages = 1 } = options;
configure({ threads });
await tf.setBackend('onnxruntime');

const mpi = isUnderMpi() ? mpiCommunicator({ progressThread: stages > 1 }) : undefined;
const record: RecordedExchange[] = [];
const reductions: RecordedReduction[] | undefined = stages > 1 ? [] : undefined;
const communicator = recordingCommunicator(mpi ?? singleRank, record, reductions);
const backbone = createBackbone({ network, inputSize });
const images = Array.from({ length: 64 }, (_, image) =>
  Uint8Array.from({ length: inputSize * inputSize * 3 }, (_, i) => (i * (image + 7) * 2_654_435_761) >>> 24),
);
const labels = Int32Array.from({ length: Math.max(classes, 4 * batchSize) }, (_, i) => i % classes);
const dataset = {
  length: labels.length,
  labels,
  identities: Array.from({ length: classes }, (_, label) => ({
    label,
    images: Int32Array.from(labels.keys()).filter((_, i) => i % classes === label),
  })),
  key: (position: number) => position,
  read: async (position: number) => ({
    key: position,
    label: labels[position]!,
    bytes: images[position % images.length]!,
  }),
  close: async () => {},
};
const timed: { seconds: number; exchanges: RecordedExchange[]; reductions: RecordedReduction[] }[] = [];
await train({
  backbone,
  head: {
    ...{ classes, subcenters: 3, embeddingSize: backbone.embeddingSize },
    margin: { m1: 1, m2: 0.5, m3: 0, s: 64 },
  },
  dataset,
  decoder: { decode: async (bytes: Uint8Array) => bytes },
  communicator,
  backwardStages: stages,
  options: { duration: { steps }, batchSize, dynamics: false, learningRate: 0.001 },
  onEvent(event) {
    if (event.kind !== 'step') return;
    const { seconds } = event;
    timed.push({ seconds, exchanges: record.splice(0), reductions: reductions?.splice(0) ?? [] });
  },
});
const settled = timed.slice(2).sort((a, b) => a.seconds - b.seconds);
const median = settled[Math.floor(settled.length / 2)]!;
const result: MeasuredRun = {
  ...options,
  ranks: communicator.size,
  secondsPerStep: median.seconds,
  exchanges: median.exchanges,
  ...(reductions && {
    reductions: median.reductions.map(({ bytes }) => bytes),
    hidden: hiddenShare(timed.slice(2).map((step) => step.reductions)),
  }),
};
if (communicator.rank === 0) process.stdout.write(`${JSON.stringify(result)}\n`);
mpi?.close();

/** @param steps the sums of each */
function hiddenShare(steps: readonly (readonly RecordedReduction[])[]): number {
  let underWay = 0;
  let waited = 0;
  for (const reductions of steps) {
    let end = Number.NEGATIVE_INFINITY;
    for (const { begun, done, waited: wait } of reductions) {
      underWay += Math.max(0, done - Math.max(begun, end));
      end = Math.max(end, done);
      waited += wait;
    }
  }
  return 1 - waited / underWay;
}
