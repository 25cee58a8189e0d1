import { testBackends } from '@arcface-tooling/test-backends';
import { registerGradients } from '@arcface-tooling/test-backends/gradients';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { listCheckpoints, MemoryCheckpointStore } from '../checkpoints/checkpoint-store.ts';
import { backboneFromCheckpoint, checkpointSubcenters } from '../checkpoints/model-checkpoint.ts';
import { decodeCheckpoint } from '../checkpoints/stored-checkpoint.ts';
import { disposeRun, INPUT_SIZE, type TinyRunOptions, tinyRun } from '../testing/tiny-run.fixture.ts';
import { type TrainingResult, type TrainingRun, train } from './train.ts';
import { resolveTrainOptions } from './train-options.ts';
import type { TrainingEvent } from './training-events.ts';

beforeAll(async () => {
  registerGradients();
  await tf.setBackend(testBackends('cpu')[0]);
});

/** Trains a fresh tiny run and disposes it. */
async function trainTiny(
  tiny: TinyRunOptions = {},
  extra: Partial<Omit<TrainingRun, 'head'>> & { readonly store?: MemoryCheckpointStore } = {},
): Promise<{ result: TrainingResult; events: TrainingEvent[]; store: MemoryCheckpointStore }> {
  const run = { ...tinyRun(tiny), ...extra };
  const events: TrainingEvent[] = [];
  try {
    const result = await train({ ...run, onEvent: (event) => events.push(event) });
    return { result, events, store: run.store };
  } finally {
    disposeRun(run);
  }
}

const kinds = (events: TrainingEvent[]) => events.map(({ kind }) => kind);
const steps = (events: TrainingEvent[]) => events.flatMap((event) => (event.kind === 'step' ? [event] : []));

describe('a run', () => {
  test('reports steps and epochs, and ends with a checkpoint', async () => {
    const { result, events, store } = await trainTiny();
    expect(kinds(events)).toEqual([
      'started',
      ...['step', 'step', 'step', 'step', 'epoch'],
      ...['step', 'step', 'step', 'step', 'epoch'],
      'checkpoint',
    ]);
    expect(events[0]).toMatchObject({ step: 0, totalSteps: 8, stepsPerEpoch: 4, resumedFrom: undefined });
    expect(result).toMatchObject({ steps: 8, epochs: 2, stopped: false, undecodable: [] });
    expect(result.checkpoint).toBe('step-00000008.safetensors');
    expect(result.loss).toBe(steps(events).at(-1)!.loss);
    expect(await listCheckpoints(store)).toEqual(['step-00000008.safetensors']);
    const { progress } = await decodeCheckpoint(await store.read('step-00000008.safetensors'));
    expect(progress).toEqual({ step: 8, epoch: 2, position: 0, batch: 0 });
  });

  test('learns', async () => {
    const { events } = await trainTiny({ options: { duration: { epochs: 8 } } });
    const losses = steps(events).map(({ loss }) => loss);
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(losses.slice(-4))).toBeLessThan(0.6 * mean(losses.slice(0, 4)));
  });

  test('follows the schedules of learning rate and margin, and leaves the head its margin', async () => {
    const tiny = tinyRun({
      options: {
        duration: { steps: 6 },
        schedule: { kind: 'steps', at: { steps: [4] } },
        warmup: { steps: 2 },
        marginWarmup: { steps: 4 },
      },
    });
    const margin = { ...tiny.head.margin };
    const events: TrainingEvent[] = [];
    await train({ ...tiny, onEvent: (event) => events.push(event) });
    expect(steps(events).map(({ learningRate }) => learningRate)).toEqual([
      0.025,
      0.05,
      0.05,
      0.05,
      0.05 * 0.1,
      0.05 * 0.1,
    ]);
    expect(steps(events).map(({ marginShare }) => marginShare)).toEqual([0, 0.25, 0.5, 0.75, 1, 1]);
    expect(tiny.head.margin).toEqual(margin);
    disposeRun(tiny);
  });

  test('leaves no tensor behind', async () => {
    await trainTiny({ options: { duration: { steps: 1 } } });
    const before = tf.memory().numTensors;
    const tiny = tinyRun();
    const during: number[] = [];
    await train({
      ...tiny,
      onEvent: ({ kind }) => kind === 'step' && during.push(tf.memory().numTensors),
    });
    expect(new Set(during).size).toBe(1);
    disposeRun(tiny);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('whose callback throws gives back what it holds', async () => {
    const before = tf.memory().numTensors;
    const tiny = tinyRun();
    const margin = { ...tiny.head.margin };
    const onEvent = ({ kind }: TrainingEvent): void => {
      if (kind === 'step') throw new Error('enough');
    };
    await expect(
      train({ ...tiny, options: { ...tiny.options, marginWarmup: { steps: 9 } }, onEvent }),
    ).rejects.toThrow('enough');
    expect(tiny.head.margin).toEqual(margin);
    disposeRun(tiny);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('takes defaults for what is undefined', () => {
    const options = resolveTrainOptions({
      augmentation: { mirror: undefined } as never,
      optimizer: { momentum: undefined, clipNorm: undefined } as never,
      checkpoints: { keepLast: undefined } as never,
    });
    expect(options).toEqual(resolveTrainOptions());
    expect(options).toMatchObject({ augmentation: { mirror: 0.5 }, optimizer: { momentum: 0.9 } });
  });

  test('skips what cannot be decoded, and says so once an image', async () => {
    const { result, events } = await trainTiny({ faces: { undecodable: [3, 8] } });
    const skipped = events.flatMap((event) => (event.kind === 'undecodable' ? [event.key] : []));
    expect(skipped.toSorted()).toEqual([4, 9]);
    expect(result.undecodable).toHaveLength(2);
    // 22 of 24 images are left: three batches of six an epoch, not four.
    expect(result).toMatchObject({ steps: 6, epochs: 2 });
  });
});

describe('resuming', () => {
  const options = {
    duration: { steps: 11 },
    augmentation: { shift: 2, brightness: 0.125 },
    schedule: { kind: 'cosine' },
    marginWarmup: { epochs: 1 },
    checkpoints: { everySteps: 3, keepLast: 10 },
  } as const;

  test('an interrupted run ends in the same bytes as one that was not', async () => {
    const straight = await trainTiny({ options });
    const store = new MemoryCheckpointStore();
    let result: TrainingResult | undefined;
    const stops: number[] = [];
    // Stopped after every second or third step, each time in the middle of something else.
    for (let call = 0; call === 0 || result?.stopped; call++) {
      const controller = new AbortController();
      let done = 0;
      const run = { ...tinyRun({ options }), store };
      result = await train({
        ...run,
        resume: true,
        signal: controller.signal,
        onEvent: ({ kind }) => {
          if (kind === 'step' && ++done === 2 + (call % 2)) controller.abort();
        },
      });
      stops.push(result.steps);
      disposeRun(run);
    }
    expect(stops).toEqual([2, 5, 7, 10, 11]);
    expect(result!.loss).toBe(straight.result.loss);
    const name = 'step-00000011.safetensors';
    expect(Buffer.from(await store.read(name)).equals(await straight.store.read(name))).toBe(true);
  });

  test('undecodable images do not shift what comes after a resume', async () => {
    const tiny = { options, faces: { undecodable: [0, 5, 17] } };
    const straight = await trainTiny(tiny);
    const store = new MemoryCheckpointStore();
    for (const step of [3, 6, 9]) {
      await store.write(checkpoint(step), await straight.store.read(checkpoint(step)));
      await trainTiny(tiny, { store, resume: true });
      const end = checkpoint(11);
      expect(Buffer.from(await store.read(end)).equals(await straight.store.read(end))).toBe(true);
      for (const name of await store.list()) await store.remove(name);
    }
  });

  test('passes over a damaged checkpoint and names it', async () => {
    const { store } = await trainTiny({ options });
    const end = await store.read(checkpoint(11));
    const damaged = new Uint8Array(end);
    damaged[damaged.length - 1]! ^= 1;
    await store.write(checkpoint(11), damaged);
    const { events, result } = await trainTiny({ options }, { store, resume: true });
    expect(events[0]).toMatchObject({ kind: 'damaged-checkpoint', name: checkpoint(11) });
    expect(events[1]).toMatchObject({ kind: 'started', step: 9, resumedFrom: checkpoint(9) });
    expect(result.steps).toBe(11);
    expect(Buffer.from(await store.read(checkpoint(11))).equals(end)).toBe(true);
  });

  test('keeps what it writes rather than newer ones that are damaged', async () => {
    const checkpoints = { everySteps: 3, keepLast: 10 };
    const eleven = { duration: { steps: 11 }, checkpoints };
    const { store } = await trainTiny({ options: eleven });
    await store.write(checkpoint(11), Uint8Array.of(1));
    const ten = { duration: { steps: 10 }, checkpoints: { ...checkpoints, keepLast: 1 } };
    await trainTiny({ options: ten }, { store, resume: true });
    expect(await listCheckpoints(store)).toEqual([checkpoint(10), checkpoint(11)]);
    const { events } = await trainTiny({ options: eleven }, { store, resume: true });
    expect(events[1]).toMatchObject({ kind: 'started', resumedFrom: checkpoint(10) });
  });

  test('of a complete run does nothing', async () => {
    const { store } = await trainTiny({ options });
    const { events, result } = await trainTiny({ options }, { store, resume: true });
    expect(kinds(events)).toEqual(['started']);
    expect(result).toMatchObject({ steps: 11, stopped: false, checkpoint: checkpoint(11) });
    expect(result.imagesPerSecond).toBeNaN();
  });

  test('a run may be made longer when its schedule does not depend on the length', async () => {
    const { store } = await trainTiny({});
    const { result } = await trainTiny({ options: { duration: { epochs: 3 } } }, { store, resume: true });
    expect(result).toMatchObject({ steps: 12, epochs: 3 });
  });

  test.each<[string, TinyRunOptions, RegExp]>([
    [
      'another learning rate',
      { options: { learningRate: 0.1 } },
      /learningRate: the run has 0.05, now given 0.1/,
    ],
    ['another batch size', { options: { batchSize: 4 } }, /batchSize: the run has 6, now given 4/],
    [
      'another momentum',
      { options: { optimizer: { momentum: 0.5 } } },
      /optimizer.momentum: .* 0.9, now given 0.5/,
    ],
    ['other data', { faces: { imagesPerIdentity: 7 } }, /data.images: the run has 24, now given 28/],
    ['another margin', { margin: { m2: 0.3 } }, /head.margin.m2: the run has 0.1, now given 0.3/],
    ['other sub-centres', { subcenters: 1 }, /head.subcenters: the run has 2, now given 1/],
    [
      'another network',
      { dropout: false },
      /network.graph.layers: the run has 8, now given 7.*network.layer dropped/,
    ],
    [
      'another depth of the same',
      { separable: true },
      /network.graph.output: the run has "fc_bn", now given "fc"/,
    ],
    [
      'a head with another loss',
      { headSettings: { interClassFilter: 0.4 } },
      /head.interClassFilter: the run has undefined, now given 0.4/,
    ],
    [
      'a head with margins by class',
      { headSettings: { classMargins: [0.1, 0.2, 0.3, 0.4] } },
      /head.classMargins/,
    ],
    ['a cosine over another length', { options: { schedule: { kind: 'cosine' } } }, /schedule.kind/],
  ])('refuses %s, with both values', async (_name, tiny, message) => {
    const { store } = await trainTiny({ options: { duration: { steps: 1 } } });
    const failure = trainTiny(tiny, { store, resume: true });
    await expect(failure).rejects.toMatchObject({ code: 'resume-mismatch' });
    await expect(failure).rejects.toThrow(message);
  });

  test('a new run does not begin among the checkpoints of another', async () => {
    const { store } = await trainTiny({ options: { duration: { steps: 1 } } });
    await expect(trainTiny({}, { store })).rejects.toMatchObject({ code: 'store-not-empty' });
  });

  test('a run that overwrites another removes it with its first step, and not before', async () => {
    const { store } = await trainTiny({ options: { duration: { steps: 9 } } });
    await store.write('notes.txt', Uint8Array.of(1));
    const before = await store.list();
    const decoder = { decode: async () => Promise.reject(new Error('no image')) };
    const overwrite = true;
    await expect(trainTiny({}, { store, overwrite, decoder })).rejects.toMatchObject({
      code: 'nothing-decodable',
    });
    await expect(trainTiny({}, { store, overwrite, resume: true })).rejects.toMatchObject({
      code: 'invalid-option',
    });
    await trainTiny({}, { store, overwrite, signal: AbortSignal.abort() });
    expect(await store.list()).toEqual(before);
    const { result } = await trainTiny({ options: { duration: { steps: 2 } } }, { store, overwrite });
    expect((await store.list()).filter((name) => name.startsWith('step-'))).toEqual([checkpoint(2)]);
    // What is not a run's is left alone.
    expect(await store.list()).toContain('notes.txt');
    expect(result.checkpoint).toBe(checkpoint(2));
  });
});

const checkpoint = (step: number) => `step-${String(step).padStart(8, '0')}.safetensors`;

describe('stopping', () => {
  test('a signal that is there already stops before the first step, resumably', async () => {
    const { result, store } = await trainTiny({}, { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ steps: 0, stopped: true, checkpoint: checkpoint(0) });
    expect(result.loss).toBeNaN();
    const resumed = await trainTiny({}, { store, resume: true });
    const straight = await trainTiny();
    expect(resumed.result.loss).toBe(straight.result.loss);
  });

  test('a loss that is not finite stops the run, names the batch, and spares the last checkpoint', async () => {
    const events: TrainingEvent[] = [];
    const tiny = tinyRun({
      options: { checkpoints: { everySteps: 2 }, schedule: { kind: 'constant' } },
      margin: { s: 64 },
    });
    let calls = 0;
    const { head } = tiny;
    const loss = head.loss.bind(head);
    head.loss = (embeddings, labels) => {
      const value = loss(embeddings, labels);
      return ++calls === 4 ? tf.mul(value, tf.scalar(Number.POSITIVE_INFINITY)) : value;
    };
    const failure = train({ ...tiny, onEvent: (event) => events.push(event) });
    await expect(failure).rejects.toMatchObject({ code: 'non-finite-loss', keys: { length: 6 } });
    await expect(failure).rejects.toThrow(/loss of step 4 is Infinity.*step-00000002.safetensors, is intact/);
    expect(events.at(-1)).toMatchObject({ kind: 'non-finite-loss', step: 4, keys: { length: 6 } });
    expect(await listCheckpoints(tiny.store)).toEqual([checkpoint(2)]);
    const saved = JSON.parse(new TextDecoder().decode(await tiny.store.read('non-finite-00000004.json')));
    expect(saved).toMatchObject({ step: 4, epoch: 0, loss: 'Infinity' });
    expect(saved.keys).toEqual(saved.positions.map((position: number) => position + 1));
    await decodeCheckpoint(await tiny.store.read(checkpoint(2)));
    disposeRun(tiny);
  });

  test('a backend that fails for good ends the run with its own error, and the last checkpoint goes on', async () => {
    const tiny = tinyRun({ options: { checkpoints: { everySteps: 2 } } });
    // A GPU that is lost tells so when numbers are read.
    const lost = new Error('the device was lost');
    let read: { mockRestore(): void } | undefined;
    const failure = train({
      ...tiny,
      onEvent: (event) => {
        if (event.kind !== 'step' || event.step !== 3) return;
        read = vi.spyOn(tf.backend(), 'read').mockRejectedValue(lost);
      },
    });
    await expect(failure).rejects.toThrow('the device was lost');
    read!.mockRestore();
    disposeRun(tiny);
    expect(await listCheckpoints(tiny.store)).toEqual([checkpoint(2)]);
    const { result } = await trainTiny({}, { store: tiny.store, resume: true });
    const straight = await trainTiny();
    expect(result).toMatchObject({ steps: straight.result.steps, loss: straight.result.loss });
  });

  test('weights that are not finite are never written over a good checkpoint', async () => {
    const tiny = tinyRun({ options: { duration: { steps: 2 }, checkpoints: { everySteps: 1 } } });
    const failure = train({
      ...tiny,
      onEvent: ({ kind }) => {
        if (kind !== 'checkpoint') return;
        // Running averages do not enter the loss of training: only the checkpoint can notice.
        const { variable } = [...tiny.backbone.parameters.values()].find(({ role }) => role === 'auxiliary')!;
        tf.tidy(() => variable.assign(tf.fill(variable.shape, Number.NaN)));
      },
    });
    await expect(failure).rejects.toMatchObject({ code: 'non-finite-loss' });
    await expect(failure).rejects.toThrow(/After step 2, aux:.* is not finite/);
    expect(await tiny.store.list()).toEqual([checkpoint(1)]);
    disposeRun(tiny);
  });
});

describe('evaluation', () => {
  test('runs when due and at the end, and keeps the best checkpoint', async () => {
    const accuracies = [0.5, 0.9, 0.7, 0.6];
    const { events, result, store } = await trainTiny(
      { options: { duration: { epochs: 4 }, checkpoints: { everyEpochs: 1, keepLast: 1 } } },
      {
        evaluation: {
          everyEpochs: 1,
          monitor: 'accuracy',
          run: async () => ({ accuracy: accuracies.shift()! }),
        },
      },
    );
    const measured = events.flatMap((event) => (event.kind === 'evaluation' ? [event] : []));
    expect(measured.map(({ best }) => best)).toEqual([true, true, false, false]);
    expect(result.best).toEqual({ name: checkpoint(8), metric: 'accuracy', value: 0.9 });
    expect(result.metrics).toMatchObject({ accuracy: 0.6 });
    expect(await listCheckpoints(store)).toEqual([checkpoint(8), checkpoint(16)]);
    const last = await decodeCheckpoint(await store.read(checkpoint(16)));
    expect(last.best).toEqual(result.best);
    expect(last.metrics.accuracy).toBe(0.6);
  });

  test('that a signal cuts short loses nothing of what has been trained', async () => {
    const stop = new AbortController();
    const { result, events } = await trainTiny(
      { options: { duration: { epochs: 4 } } },
      {
        signal: stop.signal,
        evaluation: {
          everySteps: 5,
          run: async () => {
            stop.abort();
            throw new DOMException('Interrupted', 'AbortError');
          },
        },
      },
    );
    expect(result).toMatchObject({
      steps: 5,
      stopped: true,
      checkpoint: checkpoint(5),
      metrics: { loss: result.loss },
    });
    expect(kinds(events)).not.toContain('evaluation');
    const failing = trainTiny(
      {},
      { evaluation: { everySteps: 5, run: () => Promise.reject(new Error('no pairs')) } },
    );
    await expect(failing).rejects.toThrow('no pairs');
  });

  test.each([
    ['in the middle', 1, 2],
    ['at the end', 2, 4],
  ])('that a signal cuts short is made when the run goes on: %s', async (_where, interrupted, step) => {
    const tiny = { faces: { imagesPerIdentity: 3 } };
    const evaluated = (accuracies: number[], stop?: AbortController) => {
      let calls = 0;
      return {
        ...(stop && { signal: stop.signal }),
        evaluation: {
          everySteps: 2,
          monitor: 'accuracy',
          async run() {
            if (stop && ++calls === interrupted) {
              stop.abort();
              throw new DOMException('Interrupted', 'AbortError');
            }
            return { accuracy: accuracies.shift()! };
          },
        },
      };
    };
    const straight = await trainTiny(tiny, evaluated([0.5, 0.4]));
    const accuracies = [0.5, 0.4];
    const first = await trainTiny(tiny, evaluated(accuracies, new AbortController()));
    expect(first.result).toMatchObject({ stopped: true, steps: step, checkpoint: checkpoint(step) });
    const store = first.store;
    const again = AbortSignal.abort();
    const stillWaiting = { ...evaluated(accuracies), store, resume: true, signal: again };
    stillWaiting.evaluation.run = async () => again.throwIfAborted() as never;
    expect((await trainTiny(tiny, stillWaiting)).result.stopped).toBe(true);
    const { events, result } = await trainTiny(tiny, { ...evaluated(accuracies), store, resume: true });
    expect(kinds(events).slice(0, 3)).toEqual(['started', 'evaluation', 'checkpoint']);
    expect(result).toEqual({ ...straight.result, imagesPerSecond: result.imagesPerSecond });
    expect((await store.list()).toSorted()).toEqual((await straight.store.list()).toSorted());
    for (const name of await store.list()) {
      expect(Buffer.from(await store.read(name)).equals(await straight.store.read(name)), name).toBe(true);
    }
  });
});

describe('refuses before the first step', () => {
  test.each<[string, TinyRunOptions, string, RegExp]>([
    ['an empty dataset', { faces: { identities: 0 }, classes: 4 }, 'invalid-dataset', /no image/],
    [
      'a single identity',
      { faces: { identities: 1 } },
      'invalid-dataset',
      /one identity, and nothing to tell/,
    ],
    [
      'a class without image',
      { faces: { identities: 3 }, classes: 4 },
      'invalid-dataset',
      /1 of 4 classes have no image \(3\)/,
    ],
    [
      'a label out of range',
      { faces: { identities: 5 }, classes: 4 },
      'invalid-dataset',
      /Image 25 has label 4; the head has 4/,
    ],
    [
      'a batch larger than the dataset',
      { options: { batchSize: 25 } },
      'batch-too-large',
      /25 images.* has 24/,
    ],
    ['a negative learning rate', { options: { learningRate: -1 } }, 'invalid-option', /learningRate .* -1/],
    [
      'a head that learns its scale',
      { headSettings: { learnScale: true } },
      'invalid-option',
      /learns its scale/,
    ],
    [
      'a schedule that is none',
      { options: { schedule: { kind: 'cosin' } as never } },
      'invalid-option',
      /schedule.kind must be constant, steps, cosine or polynomial, got "cosin"/,
    ],
    [
      'a loss that is none',
      { options: { loss: { kind: 'centre' } as never } },
      'invalid-option',
      /loss.kind must be one of margin, softmax, triplet, angular-triplet, got "centre"/,
    ],
    [
      'a norm without end',
      { options: { optimizer: { clipNorm: Number.POSITIVE_INFINITY } } },
      'invalid-option',
      /optimizer.clipNorm must be a positive number, got Infinity/,
    ],
    ['half a batch', { options: { batchSize: 2.5 } }, 'invalid-option', /batchSize .* 2.5/],
    [
      'a duration that is none',
      { options: { duration: { epochs: Number.NaN } } },
      'invalid-option',
      /duration.epochs/,
    ],
    [
      'a duration that is a number',
      { options: { duration: 18 as never } },
      'invalid-option',
      /duration must be \{ steps \} or \{ epochs \}, got 18/,
    ],
    [
      'a duration of no step',
      { options: { duration: { epochs: 0.1 } } },
      'invalid-option',
      /0.1 of an epoch is less than half a step; an epoch has 4/,
    ],
  ])('%s', async (_name, tiny, code, message) => {
    const failure = trainTiny(tiny);
    await expect(failure).rejects.toMatchObject({ code });
    await expect(failure).rejects.toThrow(message);
  });
});

test('a network rebuilt from its checkpoint embeds as the trained one does', async () => {
  const tiny = tinyRun({ options: { duration: { steps: 3 } } });
  const { checkpoint: name } = await train(tiny);
  const stored = await decodeCheckpoint(await tiny.store.read(name!));
  const rebuilt = backboneFromCheckpoint(stored);
  const images = tf.randomUniform<tf.Rank.R4>([2, INPUT_SIZE, INPUT_SIZE, 3], 0, 255, 'float32', 1);
  const [expected, actual] = [tiny.backbone, rebuilt].map((backbone) => backbone.apply(images).dataSync());
  expect(actual).toEqual(expected);
  expect(checkpointSubcenters(stored).weights).toEqual(tiny.head.weights.dataSync());
  rebuilt.dispose();
  disposeRun(tiny);
});
