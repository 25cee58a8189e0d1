/**
 * One call of `train`: the state of a run between its checkpoints, and the order in which steps, epochs, evaluations and
 * checkpoints follow each other.
 */
import type { Margin } from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';
import {
  type BestCheckpoint,
  type Checkpoint,
  checkpointFile,
  type TrainingProgress,
} from '../checkpoints/checkpoint.ts';
import {
  type CheckpointStore,
  checkpointFileName,
  checkpointStep,
  listCheckpoints,
  pruneCheckpoints,
  writeBlob,
} from '../checkpoints/checkpoint-store.ts';
import { headConfig, networkConfig } from '../checkpoints/model-checkpoint.ts';
import { type StoredCheckpoint, useLatestCheckpoint } from '../checkpoints/stored-checkpoint.ts';
import { asPieces, loadTensors, withFiniteValues } from '../checkpoints/tensor-pieces.ts';
import { type Batch, DataLoader } from '../data/data-loader.ts';
import { type DatasetFingerprint, datasetFingerprint } from '../data/dataset-fingerprint.ts';
import { learningRateAt, marginShareAt, type RunLength } from '../optimisation/schedule.ts';
import { executorOfRun } from '../parallel/executor-of-run.ts';
import { rootStore } from '../parallel/root-store.ts';
import { checkSameRun } from '../parallel/same-run.ts';
import { anySays, ROOT, valueOfRoot } from '../parallel/shared-values.ts';
import { TrainingError } from '../training-error.ts';
import { DYNAMICS_TENSOR, EpochRecorder } from './epoch-recorder.ts';
import { HeadWatch } from './head-watch.ts';
import { checkResumable } from './resume-check.ts';
import { StepClock } from './step-clock.ts';
import type { StepExecutor, StepOutcome } from './step-executor.ts';
import { FAILED_BATCH, failedBatch, notFinite, whyStepFailed } from './step-failures.ts';
import type { Evaluation, TrainingResult, TrainingRun } from './train.ts';
import { partialMargin, type ResolvedTrainOptions, resolveTrainOptions, runLength } from './train-options.ts';
import { checkGradients } from './train-step.ts';
import { checkCheckpointSize, checkModelOptions, checkTrainingData } from './training-checks.ts';
import { EPOCH_DYNAMICS, epochDynamicsFileName } from './training-dynamics.ts';
import type { TrainingEvent } from './training-events.ts';
import { TRIPLET_GROUP, trainsHead } from './training-loss.ts';

type Events = AsyncGenerator<TrainingEvent, void, undefined>;

/** Whether a run writes files of such a name: what else is in its store is somebody else's. */
function isOfRun(name: string): boolean {
  return checkpointStep(name) !== undefined || EPOCH_DYNAMICS.test(name) || FAILED_BATCH.test(name);
}

export class TrainingSession {
  readonly #run: TrainingRun;
  readonly #options: ResolvedTrainOptions;
  readonly #length: RunLength;
  readonly #margin: Margin;
  readonly #data: DatasetFingerprint;
  readonly #loader: DataLoader;
  readonly #clock: StepClock;
  readonly #executor: StepExecutor;
  readonly #store: CheckpointStore | undefined;
  /** Undefined when the run does not record what it sees of its images. */
  readonly #recorder: EpochRecorder | undefined;
  readonly #head: HeadWatch;
  /** Events of the loader that wait for their turn. */
  readonly #waiting: TrainingEvent[] = [];
  #progress: TrainingProgress = { step: 0, epoch: 0, position: 0, batch: 0 };
  #metrics: Readonly<Record<string, number>> = {};
  #best: BestCheckpoint | undefined;
  /** Name of the last checkpoint, and whether there is anything that it does not hold. */
  #saved: string | undefined;
  #changed = true;
  #evaluatedStep = -1;
  /** Whether the signal has cut the evaluation of these weights short. */
  #evaluationPending = false;
  #stopped = false;
  #lossesOfEpoch: number[] = [];

  constructor(run: TrainingRun) {
    const { backbone, dataset, head, communicator } = run;
    const [height, width] = backbone.inputShape;
    checkGradients();
    this.#run = run;
    this.#options = resolveTrainOptions(run.options);
    checkTrainingData(dataset, run, this.#options.loss);
    checkModelOptions(this.#options, run);
    if (run.store) checkCheckpointSize(run, run.store);
    const { batchSize, seed, augmentation, loss } = this.#options;
    this.#loader = new DataLoader({
      ...run.loading,
      dataset,
      decoder: run.decoder,
      size: { height, width },
      batchSize,
      seed,
      augmentation,
      communicator,
      imagesTogether: trainsHead(loss) ? 1 : TRIPLET_GROUP,
      onUndecodable: ({ key, reason }) => {
        this.#waiting.push({ kind: 'undecodable', key, reason, count: this.#loader.undecodable.length });
      },
    });
    this.#length = runLength(this.#options, this.#loader.batchesPerEpoch);
    this.#clock = new StepClock(batchSize);
    this.#margin = head.margin;
    this.#data = datasetFingerprint(dataset);
    this.#recorder = this.#options.dynamics ? new EpochRecorder(this.#data) : undefined;
    this.#head = new HeadWatch(head);
    this.#executor = executorOfRun(run, this.#options);
    this.#store = communicator ? rootStore(communicator, run.store) : run.store;
  }

  async dispose(): Promise<void> {
    await this.#executor.dispose();
    this.#head.dispose();
    this.#run.head.margin = this.#margin;
  }

  async *events(): AsyncGenerator<TrainingEvent, TrainingResult, undefined> {
    yield* this.#start();
    if (this.#evaluationPending) {
      yield* this.#evaluate();
      yield* this.#save();
    }
    yield* this.#steps();
    const isCutShort = this.#stopped && !this.#isComplete();
    // A run whose length is given in steps may end within an epoch.
    if (!isCutShort && this.#changed && this.#progress.position > 0)
      await this.#writeDynamics(this.#progress.epoch);
    if (!isCutShort && !this.#evaluationPending) yield* this.#evaluate();
    yield* this.#save();
    await this.#executor.publish();
    const { step, epoch } = this.#progress;
    return {
      steps: step,
      epochs: epoch,
      loss: this.#metrics.loss ?? Number.NaN,
      imagesPerSecond: this.#clock.imagesPerSecond,
      stopped: isCutShort || this.#evaluationPending,
      checkpoint: this.#saved,
      best: this.#best,
      metrics: this.#metrics,
      undecodable: this.#loader.undecodable,
    };
  }

  async *#start(): Events {
    const { resume, overwrite, communicator } = this.#run;
    const store = this.#store;
    if (communicator) checkSameRun(communicator, { ...this.#description(), resume: resume === true });
    let resumedFrom: string | undefined;
    if (resume && overwrite)
      throw new TrainingError('invalid-option', 'resume and overwrite contradict each other.');
    if (store && resume) {
      const latest = await useLatestCheckpoint(store, (checkpoint, name) => this.#restore(checkpoint, name));
      for (const damaged of latest?.damaged ?? []) yield { kind: 'damaged-checkpoint', ...damaged };
      resumedFrom = latest?.name;
    } else if (store && !overwrite) {
      const names = await listCheckpoints(store);
      if (names.length > 0) {
        throw new TrainingError(
          'store-not-empty',
          `A new run was to begin where ${names.length} checkpoints of another are (${names.at(-1)}). Resume it, or use another place.`,
        );
      }
    }
    const { step, epoch } = this.#progress;
    yield { kind: 'started', step, epoch, ...this.#length, resumedFrom };
  }

  async #restore(checkpoint: StoredCheckpoint, name: string): Promise<void> {
    // An option that came after the checkpoint was written has its default there.
    const options = resolveTrainOptions(checkpoint.options);
    checkResumable({ ...checkpoint, options }, this.#description(), name);
    await this.#executor.restore(checkpoint.tensors);
    this.#recorder?.restore(
      await loadTensors(checkpoint.tensors, (tensor) => tensor.startsWith(DYNAMICS_TENSOR)),
    );
    this.#progress = checkpoint.progress;
    this.#metrics = checkpoint.metrics;
    this.#best = checkpoint.best;
    this.#saved = name;
    this.#changed = false;
    this.#evaluationPending = checkpoint.evaluationPending === true;
    this.#evaluatedStep = this.#evaluationPending ? -1 : checkpoint.progress.step;
  }

  #description(): Pick<Checkpoint, 'options' | 'data' | 'network' | 'head'> {
    const { backbone, head } = this.#run;
    return {
      options: this.#options,
      data: this.#data,
      network: networkConfig(backbone),
      head: { ...headConfig(head), margin: this.#margin },
    };
  }

  /** The epoch before which training ends, or none if its length is given in steps. */
  get #lastEpoch(): number {
    const { duration } = this.#options;
    return 'epochs' in duration ? Math.ceil(duration.epochs) : Number.POSITIVE_INFINITY;
  }

  #isComplete(): boolean {
    return this.#progress.step >= this.#length.totalSteps || this.#progress.epoch >= this.#lastEpoch;
  }

  /** Whether anybody's signal has been given. */
  #isAskedToStop(): boolean {
    const { communicator, signal } = this.#run;
    const asked = signal?.aborted === true;
    this.#stopped ||= communicator ? anySays(communicator, asked) : asked;
    return this.#stopped;
  }

  async *#steps(): Events {
    if (this.#isComplete()) return;
    const { epoch, position, batch: index } = this.#progress;
    const batches = this.#loader.batches({ epoch, position, index }, { epochs: this.#lastEpoch });
    try {
      while (!this.#isComplete() && !this.#isAskedToStop()) {
        const begun = performance.now();
        const { value: batch } = await batches.next();
        const waitSeconds = (performance.now() - begun) / 1000;
        yield* this.#waiting.splice(0);
        // The epoch may have ended with images that cannot be decoded: only now is that known.
        while (this.#progress.epoch < (batch?.epoch ?? this.#lastEpoch)) yield* this.#endEpoch();
        if (!batch) return;
        yield* this.#step(batch, { begun, waitSeconds });
        const isLast = batch.next.position + this.#options.batchSize > this.#run.dataset.length;
        if (isLast) yield* this.#endEpoch();
        else yield* this.#afterStep({ epochs: undefined });
      }
    } finally {
      await batches.return();
    }
  }

  async *#step(batch: Batch, time: { begun: number; waitSeconds: number }): Events {
    const { step } = this.#progress;
    const learningRate = learningRateAt(step, { ...this.#options, ...this.#length });
    const marginShare = marginShareAt(step, { warmup: this.#options.marginWarmup, ...this.#length });
    const margin = partialMargin(this.#margin, marginShare);
    const outcome = await this.#execute(batch, { step, learningRate, margin });
    const { loss } = outcome;
    if (!Number.isFinite(loss)) {
      yield { kind: 'non-finite-loss', step: step + 1, loss: String(loss), keys: batch.keys };
      const { name, bytes } = failedBatch(batch, { step: step + 1, loss });
      await this.#store?.write(name, bytes);
      throw notFinite(`The loss of step ${step + 1} is ${loss}`, { saved: this.#saved, keys: batch.keys });
    }
    if (step === 0) await this.#removeEarlierRun();
    this.#recorder?.add(batch.positions, outcome);
    const angle = await this.#head.observe(batch.labels, outcome.own);
    this.#progress = { step: step + 1, ...batch.next, batch: batch.index + 1 };
    this.#metrics = { ...this.#metrics, loss };
    this.#changed = true;
    this.#lossesOfEpoch.push(loss);
    const seconds = (performance.now() - time.begun) / 1000;
    this.#clock.add(seconds);
    yield {
      kind: 'step',
      step: step + 1,
      epoch: batch.epoch,
      totalSteps: this.#length.totalSteps,
      loss,
      learningRate,
      marginShare,
      angle,
      imagesPerSecond: this.#clock.recentImagesPerSecond,
      seconds,
      waitSeconds: time.waitSeconds,
    };
    const isReported = (step + 1) % (this.#run.reportEverySteps ?? 20) === 0;
    if (isReported && outcome.own.length > 0) yield this.#head.report({ step: step + 1, epoch: batch.epoch });
  }

  /** The run has begun: nothing that could be refused is left. */
  async #removeEarlierRun(): Promise<void> {
    const store = this.#store;
    if (!store || !this.#run.overwrite) return;
    for (const name of await store.list()) if (isOfRun(name)) await store.remove(name);
  }

  async #execute(...[batch, settings]: Parameters<StepExecutor['step']>): Promise<StepOutcome> {
    try {
      return await this.#executor.step(batch, settings);
    } catch (error) {
      throw whyStepFailed(error, this.#options);
    }
  }

  async *#endEpoch(): Events {
    const { step, epoch } = this.#progress;
    const losses = this.#lossesOfEpoch;
    this.#lossesOfEpoch = [];
    // What is left of the epoch fills no batch, so the run stands at the start of the next one.
    this.#progress = { step, epoch: epoch + 1, position: 0, batch: 0 };
    this.#changed = true;
    const loss = losses.reduce((sum, value) => sum + value, 0) / losses.length;
    yield { kind: 'epoch', epoch, step, loss };
    await this.#writeDynamics(epoch);
    this.#recorder?.clear();
    this.#head.clear();
    yield* this.#afterStep({ epochs: epoch + 1 });
  }

  /** Evaluates and saves when it is time. `epochs` counts those that are complete, right after one ended. */
  async *#afterStep({ epochs }: { epochs: number | undefined }): Events {
    const { step } = this.#progress;
    const isDue = (policy: { everySteps?: number; everyEpochs?: number } = {}): boolean =>
      (Boolean(policy.everySteps) && step % policy.everySteps! === 0) ||
      (Boolean(policy.everyEpochs) && epochs !== undefined && epochs % policy.everyEpochs! === 0);
    let isBest = false;
    if (isDue(this.#run.evaluation)) isBest = yield* this.#evaluate();
    if (isBest || isDue(this.#options.checkpoints)) yield* this.#save();
  }

  /** One rank measures, all others wait. Undefined where the signal has cut it short: what has been trained is still to be saved. */
  async #measured(evaluation: Evaluation): Promise<Readonly<Record<string, number>> | undefined> {
    const { communicator, signal } = this.#run;
    const measure = async (): Promise<Readonly<Record<string, number>> | null> => {
      try {
        return await evaluation.run();
      } catch (error) {
        if (signal?.aborted) return null;
        throw error;
      }
    };
    if (!communicator) return (await measure()) ?? undefined;
    return valueOfRoot(communicator, communicator.rank === ROOT ? await measure() : undefined) ?? undefined;
  }

  /** Returns whether the model is the best so far. */
  async *#evaluate(): AsyncGenerator<TrainingEvent, boolean, undefined> {
    const { evaluation } = this.#run;
    const { step, epoch } = this.#progress;
    if (!evaluation || this.#evaluatedStep === step) {
      this.#evaluationPending = false;
      return false;
    }
    await this.#executor.publish();
    const metrics = await this.#measured(evaluation);
    if (metrics === undefined) {
      // What has been trained is saved without it, and whoever goes on from there begins with it.
      this.#changed ||= !this.#evaluationPending;
      this.#evaluationPending = true;
      return false;
    }
    this.#evaluationPending = false;
    this.#evaluatedStep = step;
    this.#metrics = { ...this.#metrics, ...metrics };
    this.#changed = true;
    const metric = evaluation.monitor;
    const value = metric === undefined ? Number.NaN : (metrics[metric] ?? Number.NaN);
    const best = value > (this.#best?.value ?? Number.NEGATIVE_INFINITY);
    if (best && metric !== undefined) this.#best = { name: checkpointFileName(step), metric, value };
    yield { kind: 'evaluation', step, epoch, metrics, best };
    return best;
  }

  async #writeDynamics(epoch: number): Promise<void> {
    if (!this.#recorder) return;
    await this.#store?.write(epochDynamicsFileName(epoch), this.#recorder.encode(epoch));
  }

  async *#save(): Events {
    const store = this.#store;
    const { step } = this.#progress;
    if (!store || !this.#changed) return;
    // What is there is worth more than a run that has not begun.
    if (this.#run.overwrite && step === 0) return;
    const finite = (await this.#executor.capture()).map((tensor) =>
      withFiniteValues(tensor, () =>
        notFinite(`After step ${step}, ${tensor.name} is not finite`, { saved: this.#saved }),
      ),
    );
    const recorded = this.#progress.position > 0 ? (this.#recorder?.tensors() ?? []) : [];
    const name = checkpointFileName(step);
    await writeBlob(
      store,
      name,
      checkpointFile({
        ...this.#description(),
        progress: this.#progress,
        metrics: this.#metrics,
        evaluationPending: this.#evaluationPending,
        best: this.#best,
        versions: { backend: tf.getBackend() },
        tensors: [...finite, ...recorded.map(asPieces)],
      }),
    );
    this.#saved = name;
    this.#changed = false;
    yield { kind: 'checkpoint', step, name };
    const keep = this.#best ? [this.#best.name] : [];
    await pruneCheckpoints(store, { keepLast: this.#options.checkpoints.keepLast, keep, upTo: name });
  }
}
