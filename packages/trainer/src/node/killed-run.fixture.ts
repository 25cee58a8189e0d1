/** A training run in a process of its own, to be killed by its test: `killed-run.fixture.ts DIRECTORY`. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { registerGradients, tinyRun } from '../testing/tiny-run.fixture.ts';
import { train } from '../training/train.ts';
import type { TrainOptions } from '../training/train-options.ts';
import { FileCheckpointStore } from './file-checkpoint-store.ts';

export const KILLED_RUN: TrainOptions = {
  duration: { epochs: 6 },
  augmentation: { shift: 1 },
  checkpoints: { everySteps: 1, keepLast: 2 },
};

const [, script, directory] = process.argv;
if (script?.includes('killed-run') && directory) {
  registerGradients();
  await tf.setBackend('cpu');
  await train({
    ...tinyRun({ options: KILLED_RUN }),
    store: new FileCheckpointStore(directory),
    resume: true,
    onEvent: ({ kind }) => {
      if (kind === 'step') process.stdout.write('step\n');
    },
  });
}
