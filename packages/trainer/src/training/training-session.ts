/**
 * One call of `train`: the state of a run between its checkpoints, and the order in which steps, epochs, evaluations and
 * checkpoints follow each other.
 */
import type { Margin } from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';
import {
  type BestCheckpoint,
  type Checkpoint,
  encodeCheckpoint,
  latestCheckpoint,
  type TrainingProgress,
} from '../checkpoints/checkpoint.ts';
import { checkpointFileName, listCheckpoints, pruneCheckpoints } from '../checkpoints/checkpoint-store.ts';
import {
  captureTensors,
  headConfig,
  networkConfig,
  restoreTensors,
} from '../checkpoints/model-checkpoint.ts';
import { type Batch, DataLoader } from '../data/data-loader.ts';
import { type DatasetFingerprint, datasetFingerprint } from '../data/dataset-fingerprint.ts';
import { learningRateAt, marginShareAt, type RunLength } from '../optimisation/schedule.ts';
import { Sgd } from '../optimisation/sgd.ts';
import { Random } from '../random.ts';
import { TrainingError } from '../training-error.ts';
import { checkResumable } from './resume-check.ts';
import { StepClock } from './step-clock.ts';
import type { TrainingResult, TrainingRun } from './train.ts';
import { partialMargin, type ResolvedTrainOptions, resolveTrainOptions, runLength } from './train-options.ts';
import { checkGradients, trainableParameters, trainStep } from './train-step.ts';
import { checkTrainingData } from './training-checks.ts';
import type { TrainingEvent } from './training-events.ts';

type Events = AsyncGenerator<TrainingEvent, void, undefined>;

export class TrainingSession {
  readonly #run: TrainingRun;
  readonly #options: ResolvedTrainOptions;
  readonly #length: RunLength;
  readonly #margin: Margin;
  readonly #data: DatasetFingerprint;
  readonly #loader: DataLoader;
  readonly #clock: StepClock;
  readonly #sgd: Sgd;
  /** Events of the loader that wait for their turn. */
  readonly #waiting: TrainingEvent[] = [];
  #progress: TrainingProgress = { step: 0, epoch: 0, position: 0, batch: 0 };
  #metrics: Readonly<Record<string, number>> = {};
  #best: BestCheckpoint | undefined;
  /** Name of the last checkpoint, and whether there is anything that it does not hold. */
  #saved: string | undefined;
  #changed = true;
  #evaluatedStep = -1;
  #lossesOfEpoch: number[] = [];

  constructor(run: TrainingRun) {
    const { backbone, dataset, head } = run;
    const [height, width] = backbone.inputShape;
    checkGradients();
    this.#run = run;
    this.#options = resolveTrainOptions(run.options);
    checkTrainingData(dataset, run);
    const { batchSize, seed, augmentation } = this.#options;
    this.#loader = new DataLoader({
      ...run.loading,
      dataset,
      decoder: run.decoder,
      size: { height, width },
      batchSize,
      seed,
      augmentation,
      onUndecodable: ({ key, reason }) => {
        this.#waiting.push({ kind: 'undecodable', key, reason, count: this.#loader.undecodable.length });
      },
    });
    this.#length = runLength(this.#options, this.#loader.batchesPerEpoch);
    this.#clock = new StepClock(batchSize);
    this.#margin = head.margin;
    this.#data = datasetFingerprint(dataset);
    this.#sgd = new Sgd(trainableParameters(run), this.#options.optimizer);
  }

  dispose(): void {
    this.#sgd.dispose();
    this.#run.head.margin = this.#margin;
  }

  async *events(): AsyncGenerator<TrainingEvent, TrainingResult, undefined> {
    yield* this.#start();
    yield* this.#steps();
    const stopped = this.#run.signal?.aborted === true && !this.#isComplete();
    if (!stopped) yield* this.#evaluate();
    yield* this.#save();
    const { step, epoch } = this.#progress;
    return {
      steps: step,
      epochs: epoch,
      loss: this.#metrics.loss ?? Number.NaN,
      imagesPerSecond: this.#clock.imagesPerSecond,
      stopped,
      checkpoint: this.#saved,
      best: this.#best,
      metrics: this.#metrics,
      undecodable: this.#loader.undecodable,
    };
  }

  async *#start(): Events {
    const { store, resume } = this.#run;
    let resumedFrom: string | undefined;
    if (store && resume) {
      const latest = await latestCheckpoint(store);
      if (latest) {
        for (const damaged of latest.damaged) yield { kind: 'damaged-checkpoint', ...damaged };
        resumedFrom = latest.name;
        this.#restore(latest.checkpoint, latest.name);
      }
    } else if (store) {
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

  #restore(checkpoint: Checkpoint, name: string): void {
    // An option that came after the checkpoint was written has its default there.
    const options = resolveTrainOptions(checkpoint.options);
    checkResumable({ ...checkpoint, options }, this.#description(), name);
    restoreTensors(checkpoint, { ...this.#run, sgd: this.#sgd });
    this.#progress = checkpoint.progress;
    this.#metrics = checkpoint.metrics;
    this.#best = checkpoint.best;
    this.#saved = name;
    this.#changed = false;
    this.#evaluatedStep = checkpoint.progress.step;
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

  async *#steps(): Events {
    if (this.#isComplete()) return;
    const { epoch, position, batch: index } = this.#progress;
    const batches = this.#loader.batches({ epoch, position, index }, { epochs: this.#lastEpoch });
    try {
      while (!this.#isComplete() && !this.#run.signal?.aborted) {
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
    const { head } = this.#run;
    const { step } = this.#progress;
    const learningRate = learningRateAt(step, { ...this.#options, ...this.#length });
    const marginShare = marginShareAt(step, { warmup: this.#options.marginWarmup, ...this.#length });
    head.margin = partialMargin(this.#margin, marginShare);
    const seed = Random.of(this.#options.seed, 'dropout', step).uint32();
    const lossTensor = trainStep({ ...this.#run, sgd: this.#sgd }, batch, { learningRate, seed });
    // The one read of a step: a lazy backend now computes the loss and all updates together.
    const [loss = Number.NaN] = await lossTensor.data();
    lossTensor.dispose();
    if (!Number.isFinite(loss)) {
      yield { kind: 'non-finite-loss', step: step + 1, loss: String(loss), keys: batch.keys };
      throw this.#notFinite(`The loss of step ${step + 1} is ${loss}`, batch.keys);
    }
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
      imagesPerSecond: this.#clock.recentImagesPerSecond,
      seconds,
      waitSeconds: time.waitSeconds,
    };
  }

  #notFinite(what: string, keys: readonly (number | string)[] = []): TrainingError {
    const kept = this.#saved ? ` The last checkpoint, ${this.#saved}, is intact.` : '';
    return new TrainingError(
      'non-finite-loss',
      `${what}: this batch, or the update before it, is more than the network can take. Lower the learning rate, warm it up, or clip the gradient.${kept}`,
      { keys },
    );
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

  /** Returns whether the model is the best so far. */
  async *#evaluate(): AsyncGenerator<TrainingEvent, boolean, undefined> {
    const { evaluation } = this.#run;
    const { step, epoch } = this.#progress;
    if (!evaluation || this.#evaluatedStep === step) return false;
    const metrics = await evaluation.run();
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

  async *#save(): Events {
    const { store } = this.#run;
    const { step } = this.#progress;
    if (!store || !this.#changed) return;
    const tensors = await captureTensors({ ...this.#run, sgd: this.#sgd });
    const broken = tensors.find(({ data }) => data instanceof Float32Array && !data.every(Number.isFinite));
    if (broken) throw this.#notFinite(`After step ${step}, ${broken.name} is not finite`);
    const name = checkpointFileName(step);
    const bytes = await encodeCheckpoint({
      ...this.#description(),
      progress: this.#progress,
      metrics: this.#metrics,
      best: this.#best,
      versions: { backend: tf.getBackend() },
      tensors,
    });
    await store.write(name, bytes);
    this.#saved = name;
    this.#changed = false;
    yield { kind: 'checkpoint', step, name };
    const keep = this.#best ? [this.#best.name] : [];
    await pruneCheckpoints(store, { keepLast: this.#options.checkpoints.keepLast, keep });
  }
}
