/** The arrays of a checkpoint as a network takes them: checked by name and shape, in the network's order. */
import { type NetworkGraph, resolveGraph } from '../graph/network-graph.ts';
import type { NamedArray } from '../named-array.ts';
import { nearestNames } from '../nearest-names.ts';
import { checkpointName, matchParameters } from './parameter-arrays.ts';

/** What {@link networkParameters} makes of arrays. */
export interface NetworkParameters {
  /** All of the network's, `arg:...` and `aux:...`, in its order. */
  readonly parameters: readonly NamedArray[];
  /** Names that the network has no use for; the first few with the nearest that it has. */
  readonly unknown: readonly { readonly name: string; readonly nearest?: string | undefined }[];
}

/** Looking for the nearest takes time, and files may have any number of names. */
const LOOKED_UP = 5;

/**
 * Picks the parameters of a network out of arrays of any order, with or without `arg:` and `aux:`. Values are not looked at.
 *
 * @throws BackbonesError `parameter-names` listing the names that are missing with the nearest given ones, and
 *   `parameter-shape` with both shapes
 */
export function networkParameters(graph: NetworkGraph, arrays: Iterable<NamedArray>): NetworkParameters {
  const given = [...arrays];
  const wanted = [...resolveGraph(graph).parameters.values()];
  const matched = matchParameters(graph.name, wanted, given, { unknown: 'ignore' });
  const used = new Set(matched.values());
  const known = wanted.map(checkpointName);
  return {
    parameters: wanted.map((parameter) => ({
      ...matched.get(parameter)!,
      name: checkpointName(parameter),
    })),
    unknown: given
      .filter((array) => !used.has(array) && !array.name.endsWith('num_batches_tracked'))
      .map(({ name }, i) => (i < LOOKED_UP ? { name, nearest: nearestNames(name, known, 1)[0] } : { name })),
  };
}
