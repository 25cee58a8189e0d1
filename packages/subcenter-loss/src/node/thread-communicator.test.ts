import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { bundleProgram } from '@arcface-tooling/programs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { float64Loss, type Matrix } from '../float64-loss.fixture.ts';
import { deviation, ROUND_OFF } from '../loss-oracle.fixture.ts';
import { margins } from '../margin.ts';
import { normalWeights } from '../normal-weights.ts';
import { SubcenterLossError } from '../subcenter-loss-error.ts';
import {
  createThreadGroup,
  type ThreadCommunicator,
  type ThreadGroupOptions,
  threadCommunicator,
} from './thread-communicator.ts';
import type { HeadAnswer, HeadTask, RankAnswer, RankTask } from './thread-rank.fixture.ts';

/** Real threads, started once: a test with fewer ranks leaves the others idle. */
const MOST_RANKS = 7;
let threads: Worker[];

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-threads-'));
  const body = await bundleProgram(new URL('./thread-rank.fixture.ts', import.meta.url), folder);
  threads = Array.from({ length: MOST_RANKS }, (_, rank) => new Worker(body, { workerData: { rank } }));
  await Promise.all(
    threads.map(
      (thread) =>
        new Promise((resolve, reject) => {
          thread.once('message', resolve);
          thread.once('error', reject);
        }),
    ),
  );
});

afterAll(async () => {
  await Promise.all(threads.map((thread) => thread.terminate()));
  rmSync(folder, { recursive: true });
});

function onRanks(size: number, task: RankTask, options: ThreadGroupOptions = {}): Promise<RankAnswer[]> {
  const group = createThreadGroup(size, options);
  return Promise.all(
    threads.slice(0, size).map(
      (thread) =>
        new Promise<RankAnswer>((resolve, reject) => {
          thread.once('message', (answer: RankAnswer) => {
            thread.off('error', reject);
            resolve(answer);
          });
          thread.once('error', reject);
          thread.postMessage({ group, task });
        }),
    ),
  );
}

async function answers<T>(size: number, task: RankTask, options?: ThreadGroupOptions): Promise<T[]> {
  const results = await onRanks(size, task, options);
  // All of them: most only say that another rank has failed.
  expect(results.map(({ error }) => error)).toEqual(results.map(() => undefined));
  return results.map(({ answer }) => answer as T);
}

describe.each([1, 2, 3, 7])('%i ranks', (size) => {
  it.each([2, 1000])('exchange numbers through slots of %i', async (slotLength) => {
    type Answer = { sums: Float32Array; largest: Int32Array; gathered: Int32Array[]; told: Float32Array };
    const ranks = Array.from({ length: size }, (_, rank) => rank);
    const ofRanks = ranks.reduce((sum, rank) => sum + rank, 0);
    for (const answer of await answers<Answer>(size, { kind: 'collectives' }, { slotLength })) {
      expect(answer).toEqual({
        sums: Float32Array.from({ length: 11 }, (_, i) => ofRanks + (size * i) / 8),
        largest: Int32Array.of(size - 1, size === 1 ? -0 : 0, 7),
        gathered: ranks.map((rank) => new Int32Array(rank * 3).fill(rank)),
        told: Float32Array.of(0, 1, 2, 3, 4, 5),
      });
    }
  });

  it('train one head, each with a block of the classes and some of the images', async () => {
    const [classes, subcenters, dimensions, images] = [11, 3, 5, 9];
    const matrix = (rows: number, seed: number): Matrix => {
      const values = normalWeights(rows * dimensions, seed, 1);
      return Array.from({ length: rows }, (_, i) => [
        ...values.subarray(i * dimensions, (i + 1) * dimensions),
      ]);
    };
    const embeddings = matrix(images, 1);
    const labels = [0, 10, 3, 3, 7, 9, 5, 2, 10];
    const sampleWeights = [1, 2, 0, 1, 1, 0.5, 1, 1, 3];
    const margin = { ...margins.combined, s: 16 };
    let weights = matrix(classes * subcenters, 2);
    // Uneven: with 7 ranks the first has three images and the others one.
    const begins = Array.from({ length: size + 1 }, (_, rank) => (rank === 0 ? 0 : images - size + rank));
    const task: HeadTask = {
      kind: 'head',
      options: { classes, subcenters, embeddingSize: dimensions, margin, chunkClasses: 2, learnScale: true },
      weights: Float32Array.from(weights.flat()),
      embeddings,
      labels,
      sampleWeights,
      begins,
      steps: 2,
    };
    const ranks = await answers<HeadAnswer>(size, task);

    let momentum = weights.map((row) => row.map(() => 0));
    let expected = { loss: 0, dx: embeddings, dw: weights, ds: 0 };
    for (let step = 0; step < 2; step++) {
      expected = float64Loss(embeddings, weights, labels, { subcenters, margin, sampleWeights });
      for (const { losses } of ranks) expect(Math.abs(losses[step]! - expected.loss)).toBeLessThan(ROUND_OFF);
      momentum = momentum.map((row, i) =>
        row.map((m, j) => 0.9 * m - 0.1 * (expected.dw[i]![j]! / images + 5e-4 * weights[i]![j]!)),
      );
      weights = weights.map((row, i) => row.map((v, j) => v + momentum[i]![j]!));
    }
    const dx = ranks.flatMap((answer) => answer.dx.map((row) => row.map((v) => v * images)));
    expect(deviation(dx, expected.dx)).toBeLessThan(ROUND_OFF);
    const after = ranks.flatMap((answer) => [...answer.weights]);
    expect(deviation([after], [weights.flat()])).toBeLessThan(ROUND_OFF);
    for (const { losses, ds } of ranks) {
      expect(losses).toEqual(ranks[0]!.losses);
      expect(Math.abs(ds * images - expected.ds) / Math.max(1, Math.abs(expected.ds))).toBeLessThan(
        ROUND_OFF,
      );
    }
    expect(ranks.map((answer) => answer.angles.length)).toEqual(
      begins.slice(1).map((end, rank) => end - begins[rank]!),
    );
    expect(ranks.reduce((sum, { block }) => sum + block.classes, 0)).toBe(classes);
  });
});

it('says so when ranks are out of step', async () => {
  const results = await onRanks(2, { kind: 'misstep' });
  expect(results[0]!.error).toMatch(
    /rank 0 of 2: called allReduce sum with 3 numbers while rank 1 called barrier|another rank has failed/,
  );
  for (const { error } of results) expect(error).toBeDefined();
});

it('does not wait for a rank that gave up', async () => {
  const results = await onRanks(3, { kind: 'failure' });
  expect(results.map(({ error }) => error)).toEqual([
    undefined,
    'rank 1 of 3: another rank has failed',
    'rank 2 of 3: another rank has failed',
  ]);
});

it('does not wait for ever', () => {
  const communicator = threadCommunicator(createThreadGroup(2, { timeoutMs: 20 }), 0);
  expect(() => communicator.barrier()).toThrow(/rank 0 of 2: no answer from the other ranks within 0.02 s/);
});

it('refuses groups and ranks that cannot be', () => {
  expect(() => createThreadGroup(0)).toThrow(SubcenterLossError);
  expect(() => createThreadGroup(2, { slotLength: 0.5 })).toThrow(/slotLength must be a positive integer/);
  expect(() => threadCommunicator(createThreadGroup(2), 2)).toThrow(/rank must be from 0 to 1, found 2/);
});

it.each([1, 2, 3])('does not wait for a rank that gives up just as another comes: after look %i', (look) => {
  const group = createThreadGroup(2, { timeoutMs: 20 });
  const [first, second] = [0, 1].map((rank) => threadCommunicator(group, rank)) as [
    ThreadCommunicator,
    ThreadCommunicator,
  ];
  const { load } = Atomics;
  let looks = 0;
  Atomics.load = ((memory: Int32Array, index: number) => {
    const value = load(memory, index);
    looks += 1;
    if (looks === look) second.abort();
    return value;
  }) as typeof load;
  try {
    expect(() => first.barrier()).toThrow('another rank has failed');
  } finally {
    Atomics.load = load;
  }
});
