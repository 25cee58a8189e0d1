/** Who makes the steps of a run: this thread, ranks that it directs, or this process as one rank of several. */
import { LocalExecutor } from '../training/local-executor.ts';
import type { StepExecutor } from '../training/step-executor.ts';
import type { TrainingRun } from '../training/train.ts';
import type { ResolvedTrainOptions } from '../training/train-options.ts';
import { TrainingError } from '../training-error.ts';
import { ProcessExecutor } from './process-executor.ts';
import { RankExecutor } from './rank-executor.ts';

/** @throws {TrainingError} `invalid-option` */
export function executorOfRun(run: TrainingRun, options: ResolvedTrainOptions): StepExecutor {
  const { backbone, head, communicator, ranks, backwardStages = 1 } = run;
  const refuse = (what: string): never => {
    throw new TrainingError('invalid-option', what);
  };
  if (!Number.isSafeInteger(backwardStages) || backwardStages < 1)
    refuse(`backwardStages must be a whole number of at least 1, got ${backwardStages}.`);
  if (communicator && ranks) refuse('A run has either ranks or a communicator, found both.');
  if (communicator) return new ProcessExecutor({ backbone, head }, options, { communicator, backwardStages });
  if (backwardStages > 1) refuse('Stages of the backward pass need a communicator.');
  if (!('weights' in head)) return refuse('A head that is only described needs a communicator.');
  return ranks
    ? new RankExecutor({ backbone, head }, options, ranks)
    : new LocalExecutor({ backbone, head }, options);
}
