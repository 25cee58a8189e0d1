/**
 * Parameters of a network to and from arrays on the host, with the names and shapes that MXNet's checkpoints use:
 * `arg:` before trained parameters, `aux:` before running averages.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Backbone, Parameter } from '../backbone.ts';
import { BackbonesError } from '../backbones-error.ts';
import type { ParameterLayout, ParameterRole } from '../layers/layer.ts';
import { type NamedArray, toFloat32 } from '../named-array.ts';
import { nearestNames } from '../nearest-names.ts';
import { fromDeviceLayout, toDeviceLayout } from './parameter-layout.ts';

const PREFIXES: Readonly<Record<ParameterRole, string>> = { argument: 'arg:', auxiliary: 'aux:' };
/** How many names an error lists. */
const LISTED = 5;

/** The name of a parameter in a checkpoint. */
export function checkpointName({ role, name }: Pick<Parameter, 'role' | 'name'>): string {
  return PREFIXES[role] + name;
}

/** Options of {@link exportParameters}. */
export interface ExportOptions {
  /** Put `arg:` and `aux:` before the names, as MXNet does. Without them PyTorch loads what is written. Default true. */
  readonly prefixes?: boolean | undefined;
}

/**
 * All parameters, in the reference's order, names, shapes and layout.
 *
 * Reads synchronously from the backend, which WebGPU in a browser cannot do.
 */
export function exportParameters(backbone: Backbone, { prefixes = true }: ExportOptions = {}): NamedArray[] {
  return [...backbone.parameters.values()].map((parameter) => {
    const { shape, variable } = parameter;
    const values = fromDeviceLayout(variable.dataSync<'float32'>(), shape, layoutOf(parameter));
    const name = prefixes ? checkpointName(parameter) : parameter.name;
    return { name, shape, dtype: 'float32', data: values };
  });
}

/** Options of {@link importParameters}. */
export interface ImportOptions {
  /** What to do with arrays that the network has no parameter for. Default `refuse`. */
  readonly unknown?: 'refuse' | 'ignore' | undefined;
}

/**
 * Assigns all parameters of a network from arrays of any order, with or without the prefixes `arg:` and `aux:`, and of
 * any element type (converted to float32). Either all are assigned or, if anything is amiss, none. PyTorch's
 * `num_batches_tracked`, which is no parameter, is passed over.
 *
 * @throws BackbonesError `parameter-names` listing names that are missing or unknown with the nearest known ones;
 *   `parameter-shape` with both shapes
 */
export function importParameters(
  backbone: Backbone,
  arrays: Iterable<NamedArray>,
  options: ImportOptions = {},
): void {
  const matched = matchParameters(backbone.name, [...backbone.parameters.values()], arrays, options);
  for (const [parameter, array] of matched) {
    const values = toDeviceLayout(toFloat32(array), parameter.shape, layoutOf(parameter));
    // A copy: backends may hold on to the array, and it may be a view of a file.
    const tensor = tf.tensor(values === array.data ? values.slice() : values, parameter.variable.shape);
    parameter.variable.assign(tensor);
    tensor.dispose();
  }
}

/**
 * Pairs parameters with arrays by name.
 *
 * @param network named in errors
 */
export function matchParameters<P extends Pick<Parameter, 'name' | 'role' | 'shape'>>(
  network: string,
  parameters: readonly P[],
  arrays: Iterable<NamedArray>,
  { unknown = 'refuse' }: ImportOptions = {},
): Map<P, NamedArray> {
  const wanted = new Map(parameters.map((parameter) => [checkpointName(parameter), parameter]));
  const unprefixed = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const matched = new Map<P, NamedArray>();
  const strangers: string[] = [];
  for (const array of arrays) {
    const parameter = wanted.get(array.name) ?? unprefixed.get(array.name);
    if (parameter === undefined) {
      if (!isBatchCounter(array.name, unprefixed)) strangers.push(array.name);
    } else if (matched.has(parameter)) {
      throw new BackbonesError('parameter-names', `${network}: ${parameter.name} is there twice`);
    } else {
      matched.set(parameter, array);
    }
  }
  const missing = parameters.filter((parameter) => !matched.has(parameter)).map(checkpointName);
  checkNames(network, missing, unknown === 'refuse' ? strangers : [], {
    found: strangers,
    known: missing.length > 0 ? missing : [...wanted.keys()],
  });
  for (const [parameter, { shape }] of matched) {
    if (shape.join() !== parameter.shape.join()) {
      throw new BackbonesError(
        'parameter-shape',
        `${network}: ${checkpointName(parameter)} has the shape [${parameter.shape}], the array given for it [${shape}]`,
      );
    }
  }
  return matched;
}

/** PyTorch's batch norms count the batches they have seen, beside their running averages. */
function isBatchCounter(name: string, parameters: ReadonlyMap<string, unknown>): boolean {
  const counter = /num_batches_tracked$/;
  return counter.test(name) && parameters.has(name.replace(counter, 'running_mean'));
}

function checkNames(
  network: string,
  missing: readonly string[],
  unknown: readonly string[],
  { found, known }: { found: readonly string[]; known: readonly string[] },
): void {
  if (missing.length === 0 && unknown.length === 0) {
    return;
  }
  const describe = (names: readonly string[], candidates: readonly string[]): string =>
    names
      .slice(0, LISTED)
      .map((name) => {
        const [nearest] = nearestNames(name, candidates, 1);
        return nearest === undefined ? name : `${name} (nearest: ${nearest})`;
      })
      .concat(names.length > LISTED ? [`and ${names.length - LISTED} more`] : [])
      .join(', ');
  const parts = [
    missing.length > 0 ? `${missing.length} missing: ${describe(missing, found)}` : '',
    unknown.length > 0 ? `${unknown.length} unknown: ${describe(unknown, known)}` : '',
  ];
  throw new BackbonesError(
    'parameter-names',
    `the arrays are not those of ${network}: ${parts.filter((part) => part !== '').join('; ')}`,
  );
}

/** The layout shows in the shapes: a depthwise weight has its channels where others have their inputs. */
function layoutOf({ kind, shape, variable }: Parameter): ParameterLayout {
  if (kind !== 'weight' || shape.length !== 4) {
    return 'same';
  }
  const [, , channels, last] = variable.shape as [number, number, number, number];
  return last === shape[0] && channels === shape[1] ? 'convolution' : { depthwise: channels };
}
