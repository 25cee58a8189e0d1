/**
 * A training run in a process of its own, to be killed: `killed-run.fixture.ts DIRECTORY STEPS WRITES`. Where nobody kills it, it kills
 * itself, by a signal that no handler sees: after STEPS steps, or with half of its WRITES-th file written.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { registerGradients } from '@arcface-tooling/test-backends/gradients';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { type BlobPieces, joinedPieces } from '../checkpoints/checkpoint-store.ts';
import { tinyRun } from '../testing/tiny-run.fixture.ts';
import { train } from '../training/train.ts';
import type { TrainOptions } from '../training/train-options.ts';
import { FileCheckpointStore } from './file-checkpoint-store.ts';

/** A hundred steps: more than all the lives of the test together. */
export const KILLED_RUN: TrainOptions = {
  duration: { epochs: 25 },
  augmentation: { shift: 1 },
  checkpoints: { everySteps: 1, keepLast: 2 },
};

class MortalStore extends FileCheckpointStore {
  readonly #writes: number;
  #written = 0;

  constructor(directory: string, writes: number) {
    super(directory);
    this.#writes = writes;
  }

  override async writePieces(name: string, blob: BlobPieces): Promise<void> {
    if (++this.#written !== this.#writes) return super.writePieces(name, blob);
    const bytes = await joinedPieces(blob);
    writeFileSync(join(this.directory, `${name}.unfinished`), bytes.subarray(0, bytes.length >> 1));
    process.kill(process.pid, 'SIGKILL');
  }
}

const [, script, directory, steps, writes] = process.argv;
if (script?.includes('killed-run') && directory) {
  registerGradients();
  await tf.setBackend('cpu');
  let done = 0;
  await train({
    ...tinyRun({ options: KILLED_RUN }),
    store: new MortalStore(directory, Number(writes)),
    resume: true,
    onEvent: ({ kind }) => {
      if (kind !== 'step') return;
      if (++done === Number(steps)) process.kill(process.pid, 'SIGKILL');
      process.stdout.write('step\n');
    },
  });
}
