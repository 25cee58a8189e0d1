import 'tfjs-backend-onnxruntime';
import * as tf from '@tensorflow/tfjs-core';
import { configure, statistics } from 'tfjs-backend-onnxruntime';
import { beforeAll, expect, test } from 'vitest';
import { MemoryCheckpointStore } from '../checkpoints/checkpoint-store.ts';
import { disposeRun, tinyRun } from '../testing/tiny-run.fixture.ts';
import { train } from './train.ts';
import type { TrainOptions } from './train-options.ts';

// What only a backend that traces and compiles can get wrong.

beforeAll(async () => {
  await tf.setBackend('onnxruntime');
  configure({ threads: 1 });
});

const options: TrainOptions = {
  duration: { steps: 7 },
  schedule: { kind: 'cosine' },
  warmup: { steps: 2 },
  marginWarmup: { steps: 4 },
  optimizer: { nesterov: true },
  checkpoints: { everySteps: 0 },
};

test('an interrupted run ends in the same bytes as one that was not', async () => {
  const straight = tinyRun({ options });
  await train(straight);
  disposeRun(straight);
  const store = new MemoryCheckpointStore();
  for (const stopAfter of [2, 3, 2]) {
    const controller = new AbortController();
    const run = { ...tinyRun({ options }), store };
    let done = 0;
    await train({
      ...run,
      resume: true,
      signal: controller.signal,
      onEvent: ({ kind }) => {
        if (kind === 'step' && ++done === stopAfter) controller.abort();
      },
    });
    disposeRun(run);
  }
  const name = 'step-00000007.safetensors';
  expect(Buffer.from(await store.read(name)).equals(await straight.store.read(name))).toBe(true);
});

test('a step is one graph, compiled once: rates, margins and seeds are inputs', async () => {
  const run = tinyRun({ options });
  const compilations: number[] = [];
  const runs: number[] = [];
  await train({
    ...run,
    onEvent: ({ kind }) => {
      if (kind !== 'step') return;
      compilations.push(statistics().compilations);
      runs.push(statistics().runs);
    },
  });
  disposeRun(run);
  expect(new Set(compilations).size).toBe(1);
  expect(runs.map((count) => count - runs[0]!)).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test('the graph of a step holds no memory beyond it', async () => {
  const run = tinyRun({ options });
  const tensors: number[] = [];
  await train({ ...run, onEvent: ({ kind }) => kind === 'step' && tensors.push(tf.memory().numTensors) });
  disposeRun(run);
  expect(new Set(tensors).size).toBe(1);
});
