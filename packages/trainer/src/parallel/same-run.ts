/** Whether all ranks of a run of several processes were given the same: the same options, data, network and head. */
import type { Communicator } from '@arcface/subcenter-loss';
import { differences } from '../training/train-options.ts';
import { TrainingError } from '../training-error.ts';
import { ROOT, valueOfRoot } from './shared-values.ts';

/** @throws {TrainingError} `invalid-option` on a rank that was given something else than rank 0, naming it */
export function checkSameRun(communicator: Communicator, given: object): void {
  const plain = JSON.parse(JSON.stringify(given)) as object;
  const roots = valueOfRoot(communicator, plain);
  const [first] = differences(roots, plain);
  if (!first) return;
  const { rank } = communicator;
  const text = (value: unknown): string => JSON.stringify(value)?.slice(0, 80) ?? 'nothing';
  throw new TrainingError(
    'invalid-option',
    `Rank ${rank} was started with another ${first.name} than rank ${ROOT}: ${text(first.given)}, which is ${text(first.stored)} there.`,
  );
}
