import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { disposeRun, registerGradients, tinyRun } from '../testing/tiny-run.fixture.ts';
import { train } from '../training/train.ts';
import { FileCheckpointStore } from './file-checkpoint-store.ts';
import { KILLED_RUN } from './killed-run.fixture.ts';

/** Runs until so many steps are done and a little longer, then kills. Resolves to whether it had to be killed. */
async function runAndKill(directory: string, steps: number, milliseconds: number): Promise<boolean> {
  const script = fileURLToPath(new URL('./killed-run.fixture.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, directory], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let done = 0;
  let errors = '';
  child.stderr.on('data', (data: Buffer) => {
    errors += data;
  });
  child.stdout.on('data', async (data: Buffer) => {
    done += data.toString().split('\n').length - 1;
    if (done < steps) return;
    await pause(milliseconds);
    child.kill('SIGKILL');
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...how) => resolve(how));
  });
  if (signal === null && code !== 0) throw new Error(`The run failed: ${errors}`);
  return signal === 'SIGKILL';
}

test('a run killed at random moments ends in the same bytes as one that was not', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'killed-run-'));
  try {
    let kills = 0;
    for (const steps of [3, 9]) {
      if (await runAndKill(directory, steps, Math.random() * 20)) kills++;
    }
    expect(kills).toBeGreaterThan(0);
    await runAndKill(directory, Number.POSITIVE_INFINITY, 0);

    registerGradients();
    await tf.setBackend('cpu');
    const straight = tinyRun({ options: KILLED_RUN });
    const { checkpoint } = await train(straight);
    disposeRun(straight);
    const resumed = await new FileCheckpointStore(directory).read(checkpoint!);
    expect(Buffer.from(resumed).equals(await straight.store.read(checkpoint!))).toBe(true);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 180_000);
