/**
 * The options of a training run: plain JSON, stored in every checkpoint, with the reference's values as defaults. What a
 * run needs beside them (network, data, a place for checkpoints) is given to `train` as objects.
 */
import type { Margin } from '@arcface/subcenter-loss';
import { AUGMENTATION_DEFAULTS, type AugmentationOptions, checkAugmentation } from '../data/augmentation.ts';
import {
  checkSchedule,
  type Duration,
  type LearningRateSchedule,
  type RunLength,
  stepsOf,
} from '../optimisation/schedule.ts';
import { checkSgdOptions, type SgdOptions } from '../optimisation/sgd.ts';
import { TrainingError } from '../training-error.ts';
import { checkLoss, type TrainingLoss, trainsHead } from './training-loss.ts';

/** What can be chosen about a run. Everything has a default. */
export interface TrainOptions {
  /** Length of the run. Default 18 epochs, the paper's. */
  readonly duration?: Duration;
  /** Images a step. Default 128. */
  readonly batchSize?: number;
  /** Determines the order of the images, augmentation and dropout. Default 0. */
  readonly seed?: number;
  /** The base learning rate. Default .1. */
  readonly learningRate?: number;
  /** What is minimised. Default: the head's margin loss. */
  readonly loss?: TrainingLoss;
  /** Default: x0.1 at steps 100,000, 160,000 and 220,000. */
  readonly schedule?: LearningRateSchedule;
  /** Rise of the learning rate from 0. Default: none. */
  readonly warmup?: Duration | undefined;
  /** Rise of the margin (m1, m2 and m3 alike) from none to the head's. Default: none. */
  readonly marginWarmup?: Duration | undefined;
  /** Default: momentum .9, weight decay 5e-4 on every parameter. */
  readonly optimizer?: SgdOptions;
  /** Default: mirror with a chance of one half. */
  readonly augmentation?: AugmentationOptions;
  /**
   * Parts into which a batch is divided; their gradients are added up to one update. Takes the memory of one part. Batch
   * normalisation sees the parts one by one. Must divide the batch size. Default 1.
   */
  readonly accumulate?: number;
  /**
   * Parts of the network that stay as they are, running averages included, by how their parameters' names begin (`conv0`, `stage1`;
   * `layer1` of PyTorch's names), or `*`. Default: none.
   */
  readonly frozen?: readonly string[];
  /**
   * Normalises by the statistics of all ranks' images together, so that a batch divided over ranks is as one; a rank has to wait for
   * the others in every such layer. Default false: each rank by its own images, as the reference does.
   */
  readonly syncBatchNorm?: boolean;
  /**
   * Writes, for every epoch and image, the cosine to its own class and to the best other one beside the checkpoints (see
   * `EpochDynamics`). Default true; triplet losses have no class to be near to, and record nothing.
   */
  readonly dynamics?: boolean;
  /** When checkpoints are written, beside the one at the end of the run. */
  readonly checkpoints?: CheckpointPolicy;
}

/** When checkpoints are written and how long they are kept. */
export interface CheckpointPolicy {
  /** After every so many steps. Default 2000; 0 for never. */
  readonly everySteps?: number;
  /** After every so many epochs. Default 0: never. */
  readonly everyEpochs?: number;
  /** How many of the newest are kept, beside the best one. Default 3. */
  readonly keepLast?: number;
}

/** {@link TrainOptions} with every default filled in: what a checkpoint stores. */
export type ResolvedTrainOptions = Required<Omit<TrainOptions, 'warmup' | 'marginWarmup' | 'checkpoints'>> & {
  readonly warmup?: Duration | undefined;
  readonly marginWarmup?: Duration | undefined;
  readonly checkpoints: Required<CheckpointPolicy>;
};

/**
 * Fills in the defaults.
 *
 * @throws {TrainingError} `invalid-option` naming the option, what it must be and what it is
 */
export function resolveTrainOptions(options: TrainOptions = {}): ResolvedTrainOptions {
  const resolved: ResolvedTrainOptions = {
    duration: options.duration ?? { epochs: 18 },
    batchSize: options.batchSize ?? 128,
    seed: options.seed ?? 0,
    learningRate: options.learningRate ?? 0.1,
    loss: options.loss ?? { kind: 'margin' },
    schedule: options.schedule ?? { kind: 'steps', at: { steps: [100_000, 160_000, 220_000] } },
    warmup: options.warmup,
    marginWarmup: options.marginWarmup,
    optimizer: withDefaults<SgdOptions>(
      { momentum: 0.9, weightDecay: 5e-4, decay: 'all', nesterov: false },
      options.optimizer,
    ),
    augmentation: withDefaults(AUGMENTATION_DEFAULTS, options.augmentation),
    accumulate: options.accumulate ?? 1,
    frozen: options.frozen ?? [],
    syncBatchNorm: options.syncBatchNorm ?? false,
    dynamics: (options.dynamics ?? true) && trainsHead(options.loss ?? { kind: 'margin' }),
    checkpoints: withDefaults({ everySteps: 2000, everyEpochs: 0, keepLast: 3 }, options.checkpoints),
  };
  checkWhole('batchSize', resolved.batchSize, 1);
  checkWhole('seed', resolved.seed, 0);
  checkWhole('accumulate', resolved.accumulate, 1);
  if (resolved.batchSize % resolved.accumulate !== 0) {
    throw new TrainingError(
      'invalid-option',
      `accumulate must divide the batch size ${resolved.batchSize}, got ${resolved.accumulate}.`,
    );
  }
  checkWhole('checkpoints.everySteps', resolved.checkpoints.everySteps, 0);
  checkWhole('checkpoints.everyEpochs', resolved.checkpoints.everyEpochs, 0);
  checkWhole('checkpoints.keepLast', resolved.checkpoints.keepLast, 1);
  if (!(resolved.learningRate > 0 && Number.isFinite(resolved.learningRate))) {
    throw new TrainingError('invalid-option', `learningRate must be positive, got ${resolved.learningRate}.`);
  }
  for (const name of ['duration', 'warmup', 'marginWarmup'] as const) checkDuration(name, resolved[name]);
  checkLoss(resolved.loss);
  checkSchedule(resolved.schedule);
  checkSgdOptions(resolved.optimizer);
  checkAugmentation(resolved.augmentation);
  return resolved;
}

/** What is given in the place of defaults; `undefined` is not given. */
function withDefaults<T extends object>(defaults: T, given: Partial<T> = {}): T {
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(said) };
}

function checkWhole(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new TrainingError(
      'invalid-option',
      `${name} must be a whole number of at least ${least}, got ${value}.`,
    );
  }
}

function checkDuration(name: string, duration: Duration | undefined): void {
  if (duration === undefined) return;
  if (typeof duration !== 'object' || duration === null) {
    throw new TrainingError(
      'invalid-option',
      `${name} must be { steps } or { epochs }, got ${JSON.stringify(duration)}.`,
    );
  }
  if ('steps' in duration) checkWhole(`${name}.steps`, duration.steps, 0);
  else if (!(duration.epochs >= 0 && Number.isFinite(duration.epochs))) {
    throw new TrainingError(
      'invalid-option',
      `${name}.epochs must be a number of at least 0, got ${duration.epochs}.`,
    );
  }
}

/**
 * The length of a run in steps, when every image can be decoded.
 *
 * @throws {TrainingError} `invalid-option` for a part of an epoch that is no step: nothing would be trained
 */
export function runLength(options: ResolvedTrainOptions, stepsPerEpoch: number): RunLength {
  const { duration } = options;
  const totalSteps = stepsOf(duration, { stepsPerEpoch });
  if ('epochs' in duration && duration.epochs > 0 && totalSteps === 0) {
    throw new TrainingError(
      'invalid-option',
      `duration.epochs: ${duration.epochs} of an epoch is less than half a step; an epoch has ${stepsPerEpoch}.`,
    );
  }
  return { stepsPerEpoch, totalSteps };
}

/** The margin of a step: `share` of the way from none (m1 1, m2 0, m3 0) to the full one; the scale stays. */
export function partialMargin(margin: Margin, share: number): Margin {
  if (share === 1) return margin;
  return { m1: 1 + (margin.m1 - 1) * share, m2: margin.m2 * share, m3: margin.m3 * share, s: margin.s };
}

/** A setting under which a run was started, and another one under which it was asked to go on. */
export interface OptionDifference {
  readonly name: string;
  readonly stored: unknown;
  readonly given: unknown;
}

/**
 * The options in which a run would not go on as it began. The length of the run and the keeping of checkpoints may
 * change, as long as the learning rate does not depend on the length.
 */
export function differencesThatMatter(
  stored: ResolvedTrainOptions,
  given: ResolvedTrainOptions,
): OptionDifference[] {
  const lengthMatters = given.schedule.kind === 'cosine' || given.schedule.kind === 'polynomial';
  return differences(stored, given).filter(
    ({ name }) => !name.startsWith('checkpoints.') && (lengthMatters || !name.startsWith('duration.')),
  );
}

/** The leaves in which two JSON values differ, by path (`optimizer.momentum`). */
export function differences(stored: object, given: object): OptionDifference[] {
  const before = leaves(stored);
  const after = leaves(given);
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => JSON.stringify(before.get(name)) !== JSON.stringify(after.get(name)))
    .map((name) => ({ name, stored: before.get(name), given: after.get(name) }));
}

function leaves(value: unknown, path = '', found = new Map<string, unknown>()): Map<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value))
      leaves(inner, path === '' ? key : `${path}.${key}`, found);
  } else if (value !== undefined) {
    found.set(path, value);
  }
  return found;
}
