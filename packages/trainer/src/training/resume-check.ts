/** Whether a checkpoint may be continued with what the caller gives: the same options, data, network and head. */
import type { Checkpoint } from '../checkpoints/checkpoint.ts';
import { TrainingError } from '../training-error.ts';
import { differences, differencesThatMatter, type OptionDifference } from './train-options.ts';

/** What must agree between a checkpoint and the run that goes on from it. */
export type ResumableRun = Pick<Checkpoint, 'options' | 'data' | 'network' | 'head'>;

/** @throws {TrainingError} `resume-mismatch`, naming everything that differs with both values */
export function checkResumable(stored: ResumableRun, given: ResumableRun, name: string): void {
  const found: OptionDifference[] = [
    ...differencesThatMatter(stored.options, given.options),
    ...differences({ data: stored.data, head: stored.head }, { data: given.data, head: given.head }),
  ];
  if (JSON.stringify(stored.network) !== JSON.stringify(given.network)) {
    const sameName = stored.network.name === given.network.name;
    const what = (network: ResumableRun['network']): string =>
      sameName
        ? `${network.name} (${JSON.stringify(network.graph).length} characters of graph)`
        : network.name;
    found.push({ name: 'network', stored: what(stored.network), given: what(given.network) });
  }
  if (found.length === 0) return;
  const list = found.map(
    (difference) =>
      `${difference.name}: the run has ${JSON.stringify(difference.stored)}, now given ${JSON.stringify(difference.given)}`,
  );
  throw new TrainingError(
    'resume-mismatch',
    `${name} belongs to a run that was started differently (${list.join('; ')}). Give the same again, or start a new run.`,
  );
}
