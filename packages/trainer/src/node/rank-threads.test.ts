import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { exportParameters } from '@arcface/backbones';
import { bundleProgram } from '@arcface-tooling/programs';
import 'tfjs-backend-onnxruntime';
import * as tf from '@tensorflow/tfjs-core';
import { configure } from 'tfjs-backend-onnxruntime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MemoryCheckpointStore } from '../checkpoints/checkpoint-store.ts';
import { disposeRun, type TinyRunOptions, tinyRun } from '../testing/tiny-run.fixture.ts';
import { type TrainingRun, train } from '../training/train.ts';
import { decodeEpochDynamics, epochDynamicsFileName } from '../training/training-dynamics.ts';
import { type RankThreads, startRankThreads } from './rank-threads.ts';

/** Four classes over three ranks: uneven blocks. */
let threads: RankThreads;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-ranks-'));
  const script = await bundleProgram(new URL('./rank-threads.fixture.ts', import.meta.url), folder);
  await tf.setBackend('onnxruntime');
  configure({ threads: 1 });
  threads = startRankThreads({ size: 3, script: pathToFileURL(script) });
});
afterAll(async () => {
  await threads.close();
  rmSync(folder, { recursive: true });
});

type Extra = Partial<Omit<TrainingRun, 'store' | 'head'>> & { readonly store?: MemoryCheckpointStore };

async function trained(tiny: TinyRunOptions, extra: Extra = {}) {
  const run = { ...tinyRun(tiny), ...extra };
  const losses: number[] = [];
  const angles: number[] = [];
  const { checkpoint } = await train({
    ...run,
    onEvent: (event) => {
      if (event.kind !== 'step') return;
      losses.push(event.loss);
      angles.push(event.angle);
    },
  });
  const weights = [
    ...exportParameters(run.backbone).map(({ data }) => data as Float32Array),
    await run.head.exportWeights(),
  ];
  disposeRun(run);
  return { losses, angles, weights, store: run.store, checkpoint: checkpoint! };
}

describe('three ranks', () => {
  const ranks = () => ({ ranks: threads.ranks });

  test.each<[string, TinyRunOptions['options'], TinyRunOptions['headSettings']?]>([
    ['plainly', {}],
    ['with Nesterov', { optimizer: { nesterov: true } }],
    ['in parts, whose sums round differently', { accumulate: 2 }],
    ['behind a frozen network', { frozen: ['*'] }],
    ['with clipping', { optimizer: { clipNorm: 0.5, clipValue: 0.1 } }],
    [
      'with margins by class and a filter',
      {},
      { classMargins: [0.05, 0.1, 0.2, 0.3], interClassFilter: 0.4 },
    ],
  ])(
    'train as one does on the same batches, where images do not influence each other: %s',
    async (_, options, headSettings = {}) => {
      const tiny: TinyRunOptions = {
        ...{ separable: true, headSettings },
        options: { duration: { steps: 6 }, marginWarmup: { steps: 3 }, ...options },
      };
      const alone = await trained(tiny);
      const together = await trained(tiny, ranks());
      for (const field of ['losses', 'angles', 'weights'] as const) {
        for (const [i, expected] of alone[field].entries()) {
          expect(largestDifference(together[field][i]!, expected), `${field} ${i}`).toBeLessThan(
            field === 'angles' ? 1e-2 : options?.accumulate ? 3e-5 : 1e-5,
          );
        }
      }
      const [a, b] = await Promise.all(
        [alone, together].map(async ({ store }) =>
          decodeEpochDynamics(await store.read(epochDynamicsFileName(0))),
        ),
      );
      expect(largestDifference(a!.own, b!.own)).toBeLessThan(1e-5);
      expect(largestDifference(a!.other, b!.other)).toBeLessThan(1e-5);
      expect(b!.nearest).toEqual(a!.nearest);
    },
  );

  test('leave the averages of a frozen part as they are, to the bit', async () => {
    const tiny: TinyRunOptions = { options: { duration: { steps: 2 }, frozen: ['conv'] } };
    const run = tinyRun(tiny);
    const averages = [...run.backbone.parameters.values()].filter(({ role }) => role === 'auxiliary');
    // Three times such a number lies half way between two, of which a third is another number than the one it was.
    for (const { variable } of averages) {
      const values = Array.from({ length: variable.size }, (_, i) => 1.5 + (2 + 4 * i) * 2 ** -23);
      tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
    }
    const read = () => new Map(averages.map(({ name, variable }) => [name, [...variable.dataSync()]]));
    const before = read();
    await train({ ...run, ...ranks() });
    const moved = [...read()].filter(([name, values]) =>
      values.some((value, i) => value !== before.get(name)![i]),
    );
    expect(moved.map(([name]) => name)).toEqual(['fc_bn_mean', 'fc_bn_variance']);
    disposeRun(run);
  });

  test('go on after a stop as if there had been none, batch normalisation and dropout included', async () => {
    const tiny: TinyRunOptions = { options: { duration: { steps: 5 } } };
    const straight = await trained(tiny, ranks());
    const store = new MemoryCheckpointStore();
    const controller = new AbortController();
    const run = { ...tinyRun(tiny), store, ...ranks(), signal: controller.signal };
    await train({ ...run, onEvent: ({ kind }) => kind === 'step' && controller.abort() });
    disposeRun(run);
    await trained(tiny, { ...ranks(), store, resume: true });
    const [resumed, expected] = await Promise.all(
      [store, straight.store].map((each) => each.read(straight.checkpoint)),
    );
    expect(Buffer.from(resumed!).equals(expected!)).toBe(true);
  });
});

test('what ranks cannot do together is refused', async () => {
  const refused = (options: TinyRunOptions['options']) =>
    trained({ options: { ...options, duration: { steps: 1 } } }, { ranks: threads.ranks });
  await expect(refused({ batchSize: 7 })).rejects.toThrow(
    /batch size 7 cannot be divided evenly \(3 ranks\)/,
  );
  await expect(refused({ batchSize: 6, accumulate: 6 })).rejects.toThrow(
    /cannot be divided evenly, with 6 parts to accumulate on each/,
  );
});

test('a rank that cannot start ends the run', async () => {
  const broken = startRankThreads({
    size: 1,
    script: new URL('data:text/javascript,throw new Error("no backend here")'),
  });
  await expect(trained({}, { ranks: broken.ranks })).rejects.toThrow(/Rank \d has failed: no backend here/);
  await broken.close();
});

function largestDifference(a: number | Float32Array, b: number | Float32Array): number {
  if (typeof a === 'number' || typeof b === 'number') return Math.abs(Number(a) - Number(b));
  return a.reduce((worst, value, i) => {
    const same = Number.isNaN(value) && Number.isNaN(b[i]!);
    return same ? worst : Math.max(worst, Math.abs(value - b[i]!));
  }, 0);
}
