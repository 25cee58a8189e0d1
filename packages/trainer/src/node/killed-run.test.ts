import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { bundleProgram } from '@arcface-tooling/programs';
import { registerGradients } from '@arcface-tooling/test-backends/gradients';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { disposeRun, tinyRun } from '../testing/tiny-run.fixture.ts';
import { train } from '../training/train.ts';
import { FileCheckpointStore } from './file-checkpoint-store.ts';
import { KILLED_RUN } from './killed-run.fixture.ts';

const KILLS = 21;

interface Death {
  /** Killed from outside, so many milliseconds after a step; or else by itself. */
  readonly after?: number;
  readonly steps: number;
  readonly writes: number;
}

/** Resolves to whether the run was killed; false when it came to its end. */
async function live(script: string, directory: string, { after, steps, writes }: Death): Promise<boolean> {
  const child = spawn(process.execPath, [script, directory, String(steps), String(writes)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (data: Buffer) => {
    errors += data;
  });
  child.stdout.once('data', async () => {
    if (after === undefined) return;
    await pause(after);
    child.kill('SIGKILL');
  });
  child.stdout.resume();
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...how) => resolve(how));
  });
  if (signal === null && code !== 0) throw new Error(`The run failed: ${errors}`);
  return signal === 'SIGKILL';
}

test(`a run killed ${KILLS} times, in steps and in writes, leaves the same files as one that was not`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'killed-run-'));
  try {
    const script = await bundleProgram(
      new URL('./killed-run.fixture.ts', import.meta.url),
      join(directory, 'program'),
    );
    const killed = join(directory, 'killed');
    for (let kill = 0; kill < KILLS; kill++) {
      const inWrite = kill % 3 === 2;
      const death = inWrite
        ? { steps: 4, writes: 1 + (kill % 4) }
        : { steps: 4, writes: Number.POSITIVE_INFINITY, after: (7 * kill) % 20 };
      expect(await live(script, killed, death)).toBe(true);
    }
    expect(
      await live(script, killed, { steps: Number.POSITIVE_INFINITY, writes: Number.POSITIVE_INFINITY }),
    ).toBe(false);

    registerGradients();
    await tf.setBackend('cpu');
    const straight = join(directory, 'straight');
    const run = tinyRun({ options: KILLED_RUN });
    await train({ ...run, store: new FileCheckpointStore(straight) });
    disposeRun(run);
    const files = (await readdir(straight)).sort();
    expect(files).toHaveLength(25 + 2);
    expect((await readdir(killed)).sort()).toEqual(files);
    for (const file of files) {
      const [a, b] = await Promise.all([straight, killed].map((folder) => readFile(join(folder, file))));
      expect(a!.equals(b!), file).toBe(true);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
