/**
 * A rank of a training run under MPI, or all of one without it: `mpi-run.fixture.ts DIRECTORY SETTINGS`, the settings as JSON. Rank 0 prints
 * its losses as a line of JSON.
 */
import { appendFileSync } from 'node:fs';
import { registerGradients } from '@arcface-tooling/test-backends/gradients';
import '@tensorflow/tfjs-backend-cpu';
import { type MpiCommunicator, mpiCommunicator } from '@arcface/mpi';
import * as tf from '@tensorflow/tfjs-core';
import { FileCheckpointStore } from '../node/file-checkpoint-store.ts';
import { tinyRun } from '../testing/tiny-run.fixture.ts';
import { train } from '../training/train.ts';
import type { TrainOptions } from '../training/train-options.ts';

export interface MpiRunSettings {
  /** Default true. */
  readonly mpi?: boolean;
  readonly options?: TrainOptions | undefined;
  readonly resume?: boolean | undefined;
  readonly backwardStages?: number | undefined;
  /** What happens to a rank after a step. */
  readonly fate?:
    | { readonly rank: number; readonly step: number; readonly signal: 'SIGKILL' | 'SIGSTOP' }
    | undefined;
}

const [, script, directory, json] = process.argv;
if (script?.includes('mpi-run') && directory && json) {
  const { mpi = true, ...settings } = JSON.parse(json) as MpiRunSettings;
  const { fate, backwardStages = 1 } = settings;
  registerGradients();
  await tf.setBackend('cpu');
  const communicator = mpi
    ? mpiCommunicator({
        // The rank that is stopped is awaited so long; one that is only slow must not be taken for it.
        silenceSeconds: fate?.signal === 'SIGSTOP' ? 15 : 300,
        progressThread: backwardStages > 1,
      })
    : undefined;
  try {
    await run(communicator, settings);
    communicator?.close();
  } catch (error) {
    process.stderr.write(`rank ${communicator?.rank}: ${(error as Error).message}\n`);
    communicator?.abort();
    throw error;
  }
}

async function run(
  communicator: MpiCommunicator | undefined,
  { options = {}, resume = false, backwardStages, fate }: Omit<MpiRunSettings, 'mpi'>,
): Promise<void> {
  const rank = communicator?.rank ?? 0;
  // Five classes over two, three and four ranks: uneven blocks. One image that nobody can decode.
  const tiny = tinyRun({
    dropout: false,
    faces: { identities: 5, imagesPerIdentity: 13, undecodable: [17] },
    options: { batchSize: 12, learningRate: 0.02, syncBatchNorm: true, ...options },
  });
  const { classes, subcenters, embeddingSize, margin } = tiny.head;
  const losses: number[] = [];
  const undecodable: unknown[] = [];
  const { checkpoint } = await train({
    ...tiny,
    ...(communicator
      ? { communicator, backwardStages, head: { classes, subcenters, embeddingSize, margin, seed: 2 } }
      : {}),
    store: new FileCheckpointStore(directory!),
    resume,
    onEvent(event) {
      if (event.kind === 'undecodable') undecodable.push(event.key);
      if (event.kind !== 'step') return;
      losses.push(event.loss);
      if (rank === fate?.rank && event.step === fate.step) process.kill(process.pid, fate.signal);
    },
  });
  if (rank !== 0) return;
  appendFileSync(1, `${JSON.stringify({ losses, undecodable, checkpoint })}\n`);
}
