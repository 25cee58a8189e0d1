/** Whether a checkpoint may be continued with what the caller gives: the same options, data, network and head. */
import type { NetworkGraph } from '@arcface/backbones';
import type { Checkpoint } from '../checkpoints/checkpoint.ts';
import { TrainingError } from '../training-error.ts';
import { withFrozenStatistics } from './frozen-parameters.ts';
import { differences, differencesThatMatter, type OptionDifference } from './train-options.ts';

/** What must agree between a checkpoint and the run that goes on from it. */
export type ResumableRun = Pick<Checkpoint, 'options' | 'data' | 'network' | 'head'>;

/** @throws {TrainingError} `resume-mismatch`, naming everything that differs with both values */
export function checkResumable(stored: ResumableRun, given: ResumableRun, name: string): void {
  // What a graph says of parts that either run has frozen is what a run does with them anyway: checkpoints have it either way,
  // and that other parts are frozen is a difference of the options. (Options of old files lack what there was not.)
  const frozen = [stored, given].flatMap(({ options }) => options.frozen ?? []);
  const asTrained = (network: ResumableRun['network']): ResumableRun['network'] => ({
    ...network,
    graph: withFrozenStatistics(network.graph, frozen),
  });
  const found: OptionDifference[] = [
    ...differencesThatMatter(stored.options, given.options),
    ...differences({ data: stored.data, head: stored.head }, { data: given.data, head: given.head }),
    ...networkDifferences(asTrained(stored.network), asTrained(given.network)),
  ];
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

/** Of another network the first things that tell it apart: a graph has thousands of numbers. */
function networkDifferences(
  stored: ResumableRun['network'],
  given: ResumableRun['network'],
): OptionDifference[] {
  if (stored.name !== given.name) return [{ name: 'network', stored: stored.name, given: given.name }];
  const [before, after] = [stored.graph, given.graph];
  const outline = ({ nodes, ...rest }: NetworkGraph): object => ({
    graph: { ...rest, layers: nodes.length },
  });
  const found = differences({ network: outline(before) }, { network: outline(after) });
  const at = before.nodes.findIndex((node, i) => JSON.stringify(node) !== JSON.stringify(after.nodes[i]));
  if (at < 0) return found;
  const layer = `network.layer ${before.nodes[at]!.name}`;
  const ofLayer = differences({ [layer]: before.nodes[at] }, { [layer]: after.nodes[at] ?? {} });
  return [...found, ...ofLayer.slice(0, 1)];
}
