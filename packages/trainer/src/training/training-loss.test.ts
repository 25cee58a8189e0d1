import { registerGradients } from '@arcface-tooling/test-backends/gradients';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkpointSubcenters } from '../checkpoints/model-checkpoint.ts';
import { latestCheckpoint } from '../checkpoints/stored-checkpoint.ts';
import { groupedOrder } from '../data/shuffle.ts';
import { disposeRun, type TinyRunOptions, tinyRun } from '../testing/tiny-run.fixture.ts';
import { train } from './train.ts';
import { drawTriplets, type TrainingLoss } from './training-loss.ts';

beforeAll(async () => {
  registerGradients();
  await tf.setBackend('cpu');
});

async function losses(loss: TrainingLoss, tiny: TinyRunOptions = {}, resumeAfter?: number) {
  const options = { loss, batchSize: 12, duration: { steps: 8 }, learningRate: 0.1, ...tiny.options };
  const run = tinyRun({ subcenters: 1, separable: true, ...tiny, options });
  const seen: number[] = [];
  const before = tf.memory().numTensors;
  const controller = new AbortController();
  const step = {
    ...run,
    onEvent: (event: { kind: string; step?: number; loss?: number | string }) => {
      if (event.kind === 'step') seen.push(event.loss as number);
      if (event.step === resumeAfter) controller.abort();
    },
  };
  await train({ ...step, ...(resumeAfter !== undefined && { signal: controller.signal }) });
  if (resumeAfter !== undefined) await train({ ...step, resume: true });
  expect(tf.memory().numTensors).toBe(before);
  const { checkpoint } = (await latestCheckpoint(run.store))!;
  disposeRun(run);
  return { seen, checkpoint };
}

describe.each<TrainingLoss>([
  { kind: 'softmax' },
  { kind: 'triplet' },
  { kind: 'angular-triplet', alpha: 0.5 },
])('$kind', (loss) => {
  test('learns, and goes on after a stop as if there had been none', async () => {
    const { seen, checkpoint } = await losses(loss);
    expect(seen).toHaveLength(8);
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(seen.slice(-3))).toBeLessThan(0.9 * mean(seen.slice(0, 3)));
    const resumed = await losses(loss, {}, 3);
    expect(resumed.seen).toEqual(seen);
    expect(resumed.checkpoint.tensors).toEqual(checkpoint.tensors);
    expect(checkpoint.options.loss).toEqual(loss);
    if (loss.kind === 'softmax') expect(checkpointSubcenters(checkpoint)).toMatchObject({ classes: 4 });
    else expect(() => checkpointSubcenters(checkpoint)).toThrow(/no head at all/);
  });
});

test('what a loss cannot do is refused', async () => {
  await expect(losses({ kind: 'softmax' }, { subcenters: 2 })).rejects.toThrow(/one row of weights a class/);
  const single = { faces: { imagesPerIdentity: 1 }, options: { batchSize: 4 } };
  await expect(losses({ kind: 'triplet' }, single)).rejects.toThrow(/two images of one identity/);
  await expect(losses({ kind: 'triplet' }, { options: { frozen: ['*'] } })).rejects.toThrow(
    /nothing is trained/,
  );
});

test('triplets are all pairs of one identity, each with somebody else', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }), fc.nat(), (values, seed) => {
      const labels = Int32Array.from(values);
      const pairs = values.flatMap((a, i) => values.filter((b, j) => a === b && i !== j)).length;
      if (pairs === 0 || new Set(values).size < 2) {
        expect(drawTriplets(labels, seed)).toEqual([[0], [0], [0]]);
        return;
      }
      const [anchors, positives, negatives] = drawTriplets(labels, seed);
      expect(anchors).toHaveLength(pairs);
      anchors.forEach((anchor, t) => {
        expect(positives[t]).not.toBe(anchor);
        expect(labels[positives[t]!]).toBe(labels[anchor]);
        expect(labels[negatives[t]!]).not.toBe(labels[anchor]);
      });
    }),
  );
});

test('a grouped order is a permutation in groups of one identity', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { maxLength: 40 }), fc.nat(9), fc.nat(9), (labels, seed, epoch) => {
      const order = [...groupedOrder(labels, { seed, epoch, imagesTogether: 3 })];
      expect([...order].sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
      // As few runs as there are groups, or fewer where two of one identity have met.
      const runs = order.filter((image, i) => i === 0 || labels[image] !== labels[order[i - 1]!]).length;
      const groups = [...new Set(labels)].reduce(
        (sum, label) => sum + Math.ceil(labels.filter((other) => other === label).length / 3),
        0,
      );
      expect(runs).toBeLessThanOrEqual(groups);
    }),
  );
});
