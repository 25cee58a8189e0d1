/** What a rank does in the tests of the thread communicator: the body of a worker thread. */
import { parentPort, workerData } from 'node:worker_threads';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { type ClassRange, rankBlock } from '../class-chunk.ts';
import { HeadMonitor } from '../head-monitor.ts';
import { StreamingHead, type StreamingHeadOptions } from '../streaming-head.ts';
import { type ThreadCommunicator, type ThreadGroup, threadCommunicator } from './thread-communicator.ts';

/** A few steps of one head by all ranks, each with its part of the images. */
export interface HeadTask {
  readonly kind: 'head';
  readonly options: Omit<StreamingHeadOptions, 'communicator'>;
  /** Of all classes, class-major. */
  readonly weights: Float32Array;
  readonly embeddings: number[][];
  readonly labels: number[];
  readonly sampleWeights: number[];
  /** Where the images of each rank begin; the last entry is their number. */
  readonly begins: number[];
  readonly steps: number;
}

export interface HeadAnswer {
  readonly losses: number[];
  /** Of this rank's images in the last step. */
  readonly dx: number[][];
  readonly ds: number;
  readonly block: ClassRange;
  /** Of this rank's classes, after the steps. */
  readonly weights: Float32Array;
  readonly angles: number[];
}

export type RankTask =
  | HeadTask
  | { readonly kind: 'collectives' }
  | { readonly kind: 'misstep' }
  | { readonly kind: 'failure' };

async function trainHead(task: HeadTask, communicator: ThreadCommunicator): Promise<HeadAnswer> {
  const { rank } = communicator;
  const { options, begins } = task;
  const block = rankBlock(options.classes, communicator);
  const perClass = task.weights.length / options.classes;
  const head = new StreamingHead({ ...options, communicator });
  const begin = block.first * perClass;
  head.importWeights(task.weights.subarray(begin, begin + block.classes * perClass));
  const own = <T>(values: readonly T[]): T[] => values.slice(begins[rank], begins[rank + 1]);
  const x = tf.variable(tf.tensor2d(own(task.embeddings)));
  const monitor = new HeadMonitor({ classes: options.classes, subcenters: options.subcenters ?? 3 });
  const sampleWeights = own(task.sampleWeights);
  const losses: number[] = [];
  let last: tf.NamedTensorMap = {};
  for (let step = 0; step < task.steps; step++) {
    const { value, grads } = tf.variableGrads(
      () => head.loss(x, own(task.labels), { learningRate: 0.1, sampleWeights, monitor }),
      [x, ...head.variables],
    );
    losses.push(value.dataSync()[0]!);
    last = grads;
  }
  const seen = await monitor.read();
  return {
    losses,
    dx: (last[x.name] as tf.Tensor2D).arraySync(),
    ds: head.scale ? last[head.scale.name]!.dataSync()[0]! : 0,
    block,
    weights: await head.exportWeights(),
    angles: [...seen!.angles],
  };
}

/** Every operation, with pieces larger than a slot, lengths that differ and none at all. */
function callCollectives(communicator: ThreadCommunicator): unknown {
  const { rank, size } = communicator;
  const sums = Float32Array.from({ length: 11 }, (_, i) => rank + i / 8);
  communicator.allReduce(sums, 'sum');
  const largest = Int32Array.of(rank, -rank, 7);
  communicator.allReduce(largest, 'max');
  communicator.allReduce(new Float32Array(0), 'sum');
  const gathered = communicator.allGather(Int32Array.from({ length: rank * 3 }, () => rank));
  const told = Float32Array.from({ length: 6 }, (_, i) => (rank === size - 1 ? i : -1));
  communicator.broadcast(told, size - 1);
  communicator.barrier();
  return { sums, largest, gathered, told };
}

async function work(task: RankTask, communicator: ThreadCommunicator): Promise<unknown> {
  if (task.kind === 'head') {
    await tf.setBackend('cpu');
    return trainHead(task, communicator);
  }
  if (task.kind === 'collectives') return callCollectives(communicator);
  if (task.kind === 'failure') {
    if (communicator.rank === 0) communicator.abort();
    else communicator.barrier();
    return undefined;
  }
  if (communicator.rank === 0) communicator.allReduce(new Float32Array(3), 'sum');
  else communicator.barrier();
  return undefined;
}

export interface RankAnswer {
  readonly answer?: unknown;
  readonly error?: string;
}

const { rank } = workerData as { rank: number };
parentPort!.on('message', async ({ group, task }: { group: ThreadGroup; task: RankTask }) => {
  try {
    parentPort!.postMessage({
      answer: await work(task, threadCommunicator(group, rank)),
    } satisfies RankAnswer);
  } catch (error) {
    parentPort!.postMessage({ error: (error as Error).message } satisfies RankAnswer);
  }
});
parentPort!.postMessage('ready');
