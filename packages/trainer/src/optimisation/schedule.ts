/**
 * How the learning rate and the margin change over a run. A schedule is plain data (it is stored in the checkpoint), and
 * {@link learningRateAt} is a pure function of the step: nothing has to be replayed when a run resumes.
 */
import { TrainingError } from '../training-error.ts';

/** A length of training: optimiser steps, or epochs (which may be fractions, such as half an epoch). */
export type Duration = { readonly steps: number } | { readonly epochs: number };

/** How the learning rate falls after the warm-up. */
export type LearningRateSchedule =
  /** Stays at the base rate. */
  | { readonly kind: 'constant' }
  /** Multiplied by `factor` (default .1) as each of the given points is reached: the reference's schedule. */
  | {
      readonly kind: 'steps';
      readonly at: { readonly steps: readonly number[] } | { readonly epochs: readonly number[] };
      readonly factor?: number;
    }
  /** Half a cosine from the base rate down to `final` (default 0) times it at the end of the run. */
  | { readonly kind: 'cosine'; readonly final?: number }
  /** (1 - progress)^power (default 2), from the base rate down to `final` (default 0) times it. */
  | { readonly kind: 'polynomial'; readonly power?: number; readonly final?: number };

/** What turns epochs into steps: both follow from the dataset and the batch size. */
export interface RunLength {
  /** Full batches in an epoch. */
  readonly stepsPerEpoch: number;
  /** Steps of the whole run: where `cosine` and `polynomial` end. */
  readonly totalSteps: number;
}

/** A duration in steps, rounded to whole ones. */
export function stepsOf(duration: Duration, length: Pick<RunLength, 'stepsPerEpoch'>): number {
  return 'steps' in duration ? duration.steps : Math.round(duration.epochs * length.stepsPerEpoch);
}

/**
 * The learning rate of a step.
 *
 * The warm-up rises linearly and reaches the base rate at its last step. `steps` counts from the start of the run
 * (warm-up included) and lowers the rate *from* the step with that number on, counting from 0, as `train_parall.py`
 * does with `--lr-steps`; `cosine` and `polynomial` run from the end of the warm-up to the end of the run.
 *
 * @param step number of the step, from 0
 */
export function learningRateAt(
  step: number,
  options: {
    readonly learningRate: number;
    readonly schedule: LearningRateSchedule;
    readonly warmup?: Duration | undefined;
  } & RunLength,
): number {
  const { learningRate, schedule, warmup } = options;
  const warmupSteps = warmup ? stepsOf(warmup, options) : 0;
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, options.totalSteps - warmupSteps));
  switch (schedule.kind) {
    case 'constant':
      return learningRate;
    case 'steps': {
      const at = 'steps' in schedule.at ? schedule.at.steps : schedule.at.epochs;
      const unit = 'steps' in schedule.at ? 1 : options.stepsPerEpoch;
      // Repeated multiplication, not a power: this is what the reference does, to the last bit.
      let rate = learningRate;
      for (const point of at) if (step >= Math.round(point * unit)) rate *= schedule.factor ?? 0.1;
      return rate;
    }
    case 'cosine': {
      const final = schedule.final ?? 0;
      return learningRate * (final + (1 - final) * 0.5 * (1 + Math.cos(Math.PI * progress)));
    }
    case 'polynomial': {
      const final = schedule.final ?? 0;
      return learningRate * (final + (1 - final) * (1 - progress) ** (schedule.power ?? 2));
    }
  }
}

/**
 * The share of the full margin that applies at a step: rises linearly from 0 to 1 over the warm-up, so that a network
 * that knows nothing yet is not asked for a margin it cannot reach (and collapses).
 */
export function marginShareAt(
  step: number,
  options: { readonly warmup?: Duration | undefined } & Pick<RunLength, 'stepsPerEpoch'>,
): number {
  const warmupSteps = options.warmup ? stepsOf(options.warmup, options) : 0;
  return step >= warmupSteps ? 1 : step / warmupSteps;
}

/** @throws {TrainingError} `invalid-option` when a schedule cannot be followed */
export function checkSchedule(schedule: LearningRateSchedule): void {
  if (!['constant', 'steps', 'cosine', 'polynomial'].includes(schedule.kind)) {
    // Options come from files, too.
    const { kind } = schedule as { readonly kind: unknown };
    throw new TrainingError(
      'invalid-option',
      `schedule.kind must be constant, steps, cosine or polynomial, got ${JSON.stringify(kind)}.`,
    );
  }
  const fail = (what: string): never => {
    throw new TrainingError('invalid-option', `schedule (${schedule.kind}): ${what}.`);
  };
  if (schedule.kind === 'steps') {
    // Options come from programs that nobody has checked, too.
    if (typeof schedule.at !== 'object' || schedule.at === null) fail('at must be { steps } or { epochs }');
    const at = 'steps' in schedule.at ? schedule.at.steps : schedule.at.epochs;
    for (const point of at)
      if (!(point >= 0)) fail(`every point must be a number of at least 0, got ${point}`);
    if (at.some((point, i) => i > 0 && point <= at[i - 1]!)) {
      fail(`points must ascend, got ${at.join(', ')}`);
    }
    if (schedule.factor !== undefined && !(schedule.factor > 0))
      fail(`factor must be positive, got ${schedule.factor}`);
  }
  if ((schedule.kind === 'cosine' || schedule.kind === 'polynomial') && schedule.final !== undefined) {
    if (!(schedule.final >= 0 && schedule.final <= 1)) fail(`final must be in 0..1, got ${schedule.final}`);
  }
  if (schedule.kind === 'polynomial' && schedule.power !== undefined && !(schedule.power > 0)) {
    fail(`power must be positive, got ${schedule.power}`);
  }
}
