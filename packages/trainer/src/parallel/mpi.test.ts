import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleProgram } from '@arcface-tooling/programs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkpointFileName } from '../checkpoints/checkpoint-store.ts';
import { decodeCheckpoint } from '../checkpoints/stored-checkpoint.ts';
import { FileCheckpointStore } from '../node/file-checkpoint-store.ts';
import type { MpiRunSettings } from './mpi-run.fixture.ts';

/* Real processes under the mpirun of this machine. */

const hasMpi = spawnSync('mpirun', ['--version']).status === 0;
const STEPS = 50;

let directory: string;
let program: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'arcface-mpi-'));
  program = await bundleProgram(new URL('./mpi-run.fixture.ts', import.meta.url), join(directory, 'program'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Outcome {
  readonly losses: number[];
  readonly undecodable: unknown[];
  /** All tensors of a checkpoint. */
  tensors(step: number): Promise<ReadonlyMap<string, ArrayLike<number>>>;
}

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

function start(ranks: number, folder: string, settings: MpiRunSettings): Promise<Ended> {
  const command = [process.execPath, program, join(directory, folder), JSON.stringify(settings)];
  const [file, ...parameters] = ranks === 0 ? command : [...mpirun(ranks), ...command];
  return new Promise((resolve) => {
    execFile(file!, parameters, (error, output, errors) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, output, errors });
    });
  });
}

function mpirun(ranks: number): string[] {
  return ['mpirun', '--allow-run-as-root', '--oversubscribe', '-n', String(ranks)];
}

/** @param ranks 0 for a run without MPI */
async function trained(
  ranks: number,
  steps: number,
  { folder = `ranks-${ranks}`, ...settings }: MpiRunSettings & { readonly folder?: string } = {},
): Promise<Outcome> {
  const { code, output, errors } = await start(ranks, folder, {
    mpi: ranks > 0,
    options: { duration: { steps }, checkpoints: { everySteps: 10, keepLast: 9 } },
    ...settings,
  });
  expect(code, errors).toBe(0);
  const store = new FileCheckpointStore(join(directory, folder));
  return {
    ...(JSON.parse(output) as Pick<Outcome, 'losses' | 'undecodable'>),
    async tensors(step) {
      const { tensors } = await decodeCheckpoint(await store.read(checkpointFileName(step)));
      return new Map(tensors.map(({ name, data }) => [name, data as Float32Array]));
    },
  };
}

/** Compares the losses after step `from`, and everything that there is at step `to`. */
async function expectSame(
  found: Outcome,
  expected: Outcome,
  { from = 0, to }: { readonly from?: number; readonly to: number },
): Promise<void> {
  expect(largestDifference(found.losses, expected.losses.slice(from, to))).toBeLessThan(1e-5);
  const [all, wanted] = [await found.tensors(to), await expected.tensors(to)];
  expect([...all.keys()]).toEqual([...wanted.keys()]);
  for (const [name, values] of wanted) {
    // Of the largest number of each: a running variance of 80 has steps of 8e-6 in float32.
    const largest = Math.max(1, ...Array.from(values).filter(Number.isFinite).map(Math.abs));
    expect(largestDifference(all.get(name)!, values) / largest, name).toBeLessThan(1e-5);
  }
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((worst, value, i) => {
    const bothMissing = Number.isNaN(value) && Number.isNaN(b[i]);
    return bothMissing ? worst : Math.max(worst, Math.abs(value - b[i]!));
  }, 0);
}

describe.skipIf(!hasMpi)(
  'ranks under MPI (skipped without mpirun: apt-get install openmpi-bin libopenmpi3)',
  // They start and wait more than they compute.
  { concurrent: true },
  () => {
    let alone: Outcome;
    beforeAll(async () => {
      alone = await trained(0, STEPS);
    });

    test.each([
      [1, 1],
      [2, 1],
      [3, 2],
      [4, 3],
    ])(
      '%i train as one process does, with the same batches, the backward pass in %i',
      async (ranks, backwardStages) => {
        const together = await trained(ranks, STEPS, { backwardStages });
        expect(together.undecodable).toEqual(alone.undecodable);
        await expectSame(together, alone, { to: STEPS });
      },
    );

    test('a run is taken up by another number of ranks', async () => {
      const folder = 'taken-up';
      await trained(3, 13, { folder });
      const rest = await trained(2, 30, { folder, resume: true });
      await expectSame(rest, alone, { from: 13, to: 30 });
    });

    test.each(['SIGKILL', 'SIGSTOP'] as const)(
      'a rank that gets %s ends the job, which names it; the last checkpoint goes on',
      async (signal) => {
        const options = { duration: { steps: 20 }, checkpoints: { everySteps: 10 } };
        const folder = `after-${signal}`;
        const ended = await start(2, folder, { options, fate: { rank: 1, step: 12, signal } });
        expect(ended.code).not.toBe(0);
        expect(ended.errors).toMatch(
          signal === 'SIGKILL'
            ? /process rank 1 .* exited on signal 9/s
            : /No sign of life of rank 1 \(process \d+ on .+\) for \d+ s, while rank 0 .* waits in/,
        );
        const rest = await trained(2, 20, { folder, resume: true });
        await expectSame(rest, alone, { from: 10, to: 20 });
      },
    );

    test('ranks that were started differently are told so', async () => {
      const settings = (seed: number) => JSON.stringify({ options: { duration: { steps: 1 }, seed } });
      const other = [process.execPath, program, join(directory, 'different')];
      const { code, errors } = await new Promise<Ended>((resolve) => {
        const [file, ...parameters] = [
          ...mpirun(1),
          ...other,
          settings(1),
          ':',
          '-n',
          '1',
          ...other,
          settings(2),
        ];
        execFile(file!, parameters, (error, output, text) =>
          resolve({ code: Number(error?.code ?? 0), output, errors: text }),
        );
      });
      expect(code).not.toBe(0);
      expect(errors).toMatch(/Rank 1 was started with another options.seed than rank 0: 2, which is 1 there/);
    });
  },
);
