/**
 * The training loop: batches in, steps, checkpoints and events out. It holds no state that is not in its checkpoints, so
 * a run that is stopped at any moment, by a signal or by a power cut, goes on from the last one bit for bit as if it had
 * not been stopped (on the same backend with the same number of threads).
 */
import type { Backbone } from '@arcface/backbones';
import type { FaceDataset } from '@arcface/recordio';
import type { Communicator, SubcenterHead } from '@arcface/subcenter-loss';
import type { BestCheckpoint } from '../checkpoints/checkpoint.ts';
import type { CheckpointStore } from '../checkpoints/checkpoint-store.ts';
import type { UndecodableImage } from '../data/data-loader.ts';
import type { ImageDecoder } from '../data/image-decoder.ts';
import type { RankChannel } from '../parallel/rank-channel.ts';
import type { HeadDescription } from './head-description.ts';
import type { TrainOptions } from './train-options.ts';
import type { TrainingEvent } from './training-events.ts';
import { TrainingSession } from './training-session.ts';

/** What a run works with. */
export interface TrainingRun {
  readonly backbone: Backbone;
  /** With a `communicator` a description is enough: no rank has all sub-centres. */
  readonly head: SubcenterHead | HeadDescription;
  readonly dataset: FaceDataset;
  readonly decoder: ImageDecoder;
  /** Default: the reference's. See {@link TrainOptions}. */
  readonly options?: TrainOptions;
  /**
   * Computes on these ranks instead of in this thread: each gets an equal part of every batch and a block of the classes. The
   * network and the head of the run have the trained weights when an evaluation is made, and when the run has ended.
   */
  readonly ranks?: readonly RankChannel[] | undefined;
  /**
   * This process is one rank of several, which all make this same call: each reads its own part of every batch and has a block of
   * the classes. Rank 0 reads and writes the checkpoints, and evaluates; all yield the same events. An error on one rank leaves
   * the others waiting: the caller has to end them.
   */
  readonly communicator?: Communicator | undefined;
  /**
   * With a `communicator`: stages into which the backward pass is cut, so that the gradients of one are on their way to the other ranks
   * while those of the one before it are computed. It pays where the exchange takes long beside a stage, and something gets it on
   * meanwhile (`progressThread` of `@arcface/mpi`). Costs: each stage is a graph of its own to a lazy backend, and sums come in other
   * buckets, which may round otherwise. Default 1.
   */
  readonly backwardStages?: number | undefined;
  /** Where checkpoints go. Default: none are written. */
  readonly store?: CheckpointStore | undefined;
  /**
   * Goes on from the newest whole checkpoint of the store, or starts if there is none. Default false: the store must
   * hold no checkpoint (but see `overwrite`).
   */
  readonly resume?: boolean | undefined;
  /**
   * Begins a new run in a store that has something in it. What is there is removed when the first step has been made, and not before: a
   * run that cannot begin leaves it alone. Not together with `resume`. Default false.
   */
  readonly overwrite?: boolean | undefined;
  /** Ends the run after the step that is being made, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
  /** Measures the model while it is being trained. */
  readonly evaluation?: Evaluation | undefined;
  /** Steps between reports on the sub-centres (`HeadEvent`); no influence on the result. Default 20. */
  readonly reportEverySteps?: number | undefined;
  /** How images are prepared; no influence on the result. */
  readonly loading?: { readonly batchesAhead?: number; readonly concurrency?: number } | undefined;
}

/** A measurement that is repeated during a run, on held-out pairs for example. */
export interface Evaluation {
  readonly everySteps?: number;
  readonly everyEpochs?: number;
  /** Measures the model as it is now; must not change it. May throw when the run's signal is given: the run then ends without it. */
  run(): Promise<Readonly<Record<string, number>>>;
  /** The metric by which checkpoints are compared: the one with the highest value is kept. Default: none is. */
  readonly monitor?: string;
}

/** How a run ended. */
export interface TrainingResult {
  /** Steps done, those before a resume included. */
  readonly steps: number;
  /** Epochs that are complete. */
  readonly epochs: number;
  /** Loss of the last step (of an earlier call, if this one made none); NaN if there is none yet. */
  readonly loss: number;
  /** Over all steps of this call but the first, which compiles. NaN if there are none. */
  readonly imagesPerSecond: number;
  /** Whether the signal ended the run before its time. */
  readonly stopped: boolean;
  /** Name of the last checkpoint in the store. */
  readonly checkpoint?: string | undefined;
  readonly best?: BestCheckpoint | undefined;
  /** What the last evaluation measured. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Images that were skipped in this call. */
  readonly undecodable: readonly UndecodableImage[];
}

/**
 * Trains, and calls back with every event. See {@link trainingEvents}, of which this is the short form.
 *
 * @throws {TrainingError} as {@link trainingEvents}
 */
export async function train(
  run: TrainingRun & { readonly onEvent?: (event: TrainingEvent) => void },
): Promise<TrainingResult> {
  const events = trainingEvents(run);
  try {
    for (;;) {
      const next = await events.next();
      if (next.done) return next.value;
      run.onEvent?.(next.value);
    }
  } finally {
    // Where the callback throws: gives back what the run holds. After the end it does nothing.
    await events.return(undefined as never);
  }
}

/**
 * Trains as its events are consumed; the generator's return value says how the run ended. Breaking out of the loop ends
 * the run without a checkpoint; use the signal to end it with one.
 *
 * @throws {TrainingError} before the first step: `invalid-option`, `invalid-dataset`, `batch-too-large`,
 *   `parameter-mismatch`, `no-gradients`, `resume-mismatch`, `store-not-empty`, `checkpoint-damaged`; later:
 *   `nothing-decodable`, `out-of-memory`, `non-finite-loss` with the keys of the batch (the last checkpoint is intact; the variables in
 *   memory are not to be used). Errors of the dataset and the store are passed on.
 */
export async function* trainingEvents(
  run: TrainingRun,
): AsyncGenerator<TrainingEvent, TrainingResult, undefined> {
  const session = new TrainingSession(run);
  try {
    return yield* session.events();
  } finally {
    await session.dispose();
  }
}
