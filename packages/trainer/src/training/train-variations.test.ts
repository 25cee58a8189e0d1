import { exportParameters } from '@arcface/backbones';
import { singleRank } from '@arcface/subcenter-loss';
import { registerGradients } from '@arcface-tooling/test-backends/gradients';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TrainingProgress } from '../checkpoints/checkpoint.ts';
import { MemoryCheckpointStore } from '../checkpoints/checkpoint-store.ts';
import { checkpointSubcenters } from '../checkpoints/model-checkpoint.ts';
import { latestCheckpoint } from '../checkpoints/stored-checkpoint.ts';
import { DataLoader } from '../data/data-loader.ts';
import { disposeRun, INPUT_SIZE, type TinyRunOptions, tinyRun } from '../testing/tiny-run.fixture.ts';
import { train } from './train.ts';
import { decodeEpochDynamics, epochDynamicsFileName, listEpochDynamics } from './training-dynamics.ts';

// What can be asked of a run beside the plain step: records of its images, parts of batches, frozen parts.

beforeAll(async () => {
  registerGradients();
  await tf.setBackend('cpu');
});

async function trained(tiny: TinyRunOptions) {
  const run = tinyRun(tiny);
  const before = exportParameters(run.backbone);
  const angles: number[] = [];
  const losses: number[] = [];
  await train({
    ...run,
    onEvent: (event) => {
      if (event.kind !== 'step') return;
      losses.push(event.loss);
      angles.push(event.angle);
    },
  });
  const after = exportParameters(run.backbone);
  const latest = await latestCheckpoint(run.store);
  disposeRun(run);
  return { before, after, losses, angles, store: run.store, checkpoint: latest!.checkpoint };
}

describe('records of images', () => {
  test('hold the cosines that the step saw, by the definition', async () => {
    const tiny: TinyRunOptions = {
      subcenters: 3,
      separable: true,
      options: { duration: { steps: 1 }, augmentation: { mirror: 0 } },
    };
    const { store, angles } = await trained(tiny);
    const { own, other, nearest } = decodeEpochDynamics(await store.read(epochDynamicsFileName(0)));

    const run = tinyRun(tiny);
    const { options, dataset, decoder, backbone, head } = run;
    const loader = new DataLoader({
      ...{ dataset, decoder, batchSize: 6, seed: options.seed, augmentation: { mirror: 0 } },
      size: { height: INPUT_SIZE, width: INPUT_SIZE },
    });
    const batches = loader.batches();
    const batch = (await batches.next()).value!;
    await batches.return();
    const images = tf.tensor4d(Float32Array.from(batch.images), [6, INPUT_SIZE, INPUT_SIZE, 3]);
    const embeddings = backbone.apply(images).arraySync();
    const centres = head.weights.arraySync();
    let sumOfAngles = 0;
    batch.positions.forEach((position, i) => {
      const cosines = centres.map((centre) => cosine(embeddings[i]!, centre));
      const label = batch.labels[i]!;
      const mine = cosines.slice(label * 3, label * 3 + 3);
      const others = cosines.filter((_, row) => Math.floor(row / 3) !== label);
      expect(own[position]).toBeCloseTo(Math.max(...mine), 5);
      expect(nearest[position]).toBe(mine.indexOf(Math.max(...mine)));
      expect(other[position]).toBeCloseTo(Math.max(...others), 5);
      sumOfAngles += (Math.acos(Math.max(...mine)) * 180) / Math.PI;
    });
    expect(angles[0]).toBeCloseTo(sumOfAngles / 6, 3);
    expect(own.filter((value) => Number.isNaN(value))).toHaveLength(18);
    images.dispose();
    disposeRun(run);
  });

  test('are written for every epoch, and as if nothing had happened after a stop in the middle', async () => {
    const options = { duration: { epochs: 3 }, batchSize: 5 };
    const straight = await trained({ options });
    expect(await listEpochDynamics(straight.store)).toEqual([0, 1, 2].map(epochDynamicsFileName));
    const store = new MemoryCheckpointStore();
    let progress: TrainingProgress | undefined;
    for (let stopped = true; stopped; ) {
      const controller = new AbortController();
      let done = 0;
      const run = { ...tinyRun({ options }), store };
      const onEvent = ({ kind }: { kind: string }) => {
        if (kind === 'step' && ++done === 3) controller.abort();
      };
      ({ stopped } = await train({ ...run, resume: true, signal: controller.signal, onEvent }));
      progress = (await latestCheckpoint(store))!.checkpoint.progress;
      disposeRun(run);
    }
    expect(progress!.epoch).toBe(3);
    for (const name of await listEpochDynamics(straight.store)) {
      expect(Buffer.from(await store.read(name)).equals(await straight.store.read(name))).toBe(true);
    }
  });

  test('are not made when they are not wanted', async () => {
    const { store } = await trained({ options: { duration: { epochs: 1 }, dynamics: false } });
    expect(await store.list()).toEqual(['step-00000004.safetensors']);
  });
});

describe('a batch in parts', () => {
  test('moves the weights as the whole does, where images do not influence each other', async () => {
    const options = { duration: { steps: 4 }, optimizer: { clipNorm: 0.5 } };
    const whole = await trained({ separable: true, options });
    const parts = await trained({ separable: true, options: { ...options, accumulate: 3 } });
    for (const [i, loss] of whole.losses.entries()) expect(parts.losses[i]).toBeCloseTo(loss, 5);
    for (const [i, { data, name }] of whole.after.entries()) {
      const difference = largestDifference(data as Float32Array, parts.after[i]!.data as Float32Array);
      expect(difference, name).toBeLessThan(1e-5);
    }
    const records = await Promise.all(
      [whole, parts].map(({ store }) => store.read(epochDynamicsFileName(0))),
    );
    const [a, b] = records.map((bytes) => decodeEpochDynamics(bytes).other);
    expect(largestDifference(a!, b!)).toBeLessThan(1e-5);
  });

  test('must be even', async () => {
    await expect(trained({ options: { accumulate: 4 } })).rejects.toThrow(
      /accumulate must divide the batch size 6, got 4/,
    );
  });
});

test('a process that is one of several has the loss and the sub-centres of the head that it is given', async () => {
  const tiny: TinyRunOptions = {
    separable: true,
    headSettings: { classMargins: [0.05, 0.1, 0.2, 0.3], interClassFilter: 0.4 },
    options: { duration: { steps: 4 } },
  };
  const alone = await trained(tiny);
  const run = tinyRun(tiny);
  const losses: number[] = [];
  await train({
    ...run,
    communicator: singleRank,
    onEvent: (event) => event.kind === 'step' && losses.push(event.loss),
  });
  disposeRun(run);
  for (const [i, loss] of alone.losses.entries()) expect(losses[i]).toBeCloseTo(loss, 5);
});

describe('frozen parts', () => {
  const unchanged = ({ before, after }: Awaited<ReturnType<typeof trained>>) =>
    before
      .filter(({ data }, i) => Buffer.from(data.buffer).equals(Buffer.from(after[i]!.data.buffer)))
      .map(({ name }) => name);

  test('stay as they are, their running averages included', async () => {
    const frozen = ['conv'];
    const run = await trained({ options: { frozen, duration: { steps: 3 } } });
    const names = run.before.map(({ name }) => name);
    const still = names.filter((name) => name.includes(':conv_'));
    expect(unchanged(run).filter((name) => !name.includes('fc_bn_gamma'))).toEqual(still);
    expect(run.checkpoint.tensors.some(({ name }) => name === 'momentum:conv_weight')).toBe(false);
    expect(run.checkpoint.tensors.some(({ name }) => name === 'momentum:fc_weight')).toBe(true);
  });

  test('are the same to a run whether its graph says so or its options', async () => {
    const options = { frozen: ['conv'], checkpoints: { everySteps: 2 } };
    const straight = await trained({ options: { ...options, duration: { steps: 4 } } });
    const half = await trained({
      options: { ...options, duration: { steps: 2 } },
      frozenStatistics: ['conv'],
    });
    const run = { ...tinyRun({ options: { ...options, duration: { steps: 4 } } }), store: half.store };
    await train({ ...run, resume: true });
    const [found, expected] = await Promise.all(
      [half.store, straight.store].map((store) => store.read('step-00000004.safetensors')),
    );
    expect(Buffer.from(found!).equals(expected!)).toBe(true);
    const thawed = { ...run, options: { ...run.options, frozen: [] } };
    await expect(train({ ...thawed, resume: true })).rejects.toThrow(
      /differently \(frozen: the run has \["conv"\], now given \[\]\)\. Give/,
    );
    disposeRun(run);
  });

  test('may be the whole network', async () => {
    const run = await trained({ options: { frozen: ['*'], duration: { steps: 3 } } });
    expect(unchanged(run)).toEqual(run.before.map(({ name }) => name));
    const start = tinyRun();
    expect(checkpointSubcenters(run.checkpoint).weights).not.toEqual(start.head.weights.dataSync());
    disposeRun(start);
  });

  test('must exist', async () => {
    await expect(trained({ options: { frozen: ['stage1'] } })).rejects.toThrow(
      /no parameter of tiny begins with "stage1". Its parts are conv, fc, or \* for all/,
    );
  });
});

function cosine(a: readonly number[], b: readonly number[]): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    dot += x * b[i]!;
    aa += x * x;
    bb += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(aa * bb);
}

/** NaN on both sides is no difference. */
function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((worst, value, i) => {
    const same = Number.isNaN(value) && Number.isNaN(b[i]!);
    return same ? worst : Math.max(worst, Math.abs(value - b[i]!));
  }, 0);
}
