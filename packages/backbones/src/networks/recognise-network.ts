/**
 * Finds out which network arrays are for, by their names and shapes: files of PyTorch's tensors say nothing more.
 *
 * Of arcface_torch's networks depth, width, embedding size and image size are read off the arrays, so networks of other depths
 * than the presets' are found as well. Of the others it is the preset whose parameters have these names, with the
 * embedding size that its last layer has.
 */
import { BackbonesError } from '../backbones-error.ts';
import { type NetworkGraph, resolveGraph } from '../graph/network-graph.ts';
import type { NamedArray } from '../named-array.ts';
import { checkpointName, matchParameters } from '../parameters/parameter-arrays.ts';
import type { ArrayShapes } from './array-shapes.ts';
import type { BackboneConfig } from './backbone-config.ts';
import { iresNetSettings } from './iresnet.ts';
import { listNetworks, networkFamily, networkGraph } from './presets.ts';
import { torchMobileFaceNetSettings } from './torch-mobilefacenet.ts';

/** Options of {@link recogniseNetwork}. */
export interface RecogniseOptions {
  /** The preset that it is, where the arrays alone would leave it open or are to be held to it. */
  readonly network?: string | undefined;
  /** Side of the square images, or height and width. Default: what the arrays tell, or 112. */
  readonly inputSize?: BackboneConfig['inputSize'];
}

/** A network and its parameters by their names in a checkpoint. */
export interface RecognisedNetwork {
  readonly graph: NetworkGraph;
  /** `arg:...` and `aux:...`, in the network's order. */
  readonly parameters: readonly NamedArray[];
}

/**
 * The network that arrays are for. A first part that all names share, such as `module.` or `backbone.`, is left out, and so are `arg:`
 * and `aux:`, and PyTorch's `num_batches_tracked`.
 *
 * Networks that differ in nothing but dropout have the same parameters (`r100`, `r100fc`): the simpler name is taken.
 *
 * @throws BackbonesError `parameter-names` if they are no known network's, listing what the nearest one lacks and does not know;
 *   `parameter-shape` with both shapes if one has another than its network's; `invalid-option` for an unknown preset;
 *   `invalid-graph` if it cannot have images of the size that is said
 */
export function recogniseNetwork(
  arrays: Iterable<NamedArray>,
  { network, inputSize }: RecogniseOptions = {},
): RecognisedNetwork {
  const named = plainlyNamed([...arrays].filter(({ name }) => !name.endsWith('num_batches_tracked')));
  const shapes: ArrayShapes = new Map(named.map(({ name, shape }) => [name, shape]));
  const graph =
    network === undefined ? nearestNetwork(shapes, inputSize) : presetFor(network, shapes, inputSize);
  const wanted = [...resolveGraph(graph).parameters.values()];
  if (!wanted.some(({ name }) => shapes.has(name))) {
    const some = named.slice(0, 3).map(({ name, shape }) => `${name} [${shape}]`);
    throw new BackbonesError(
      'parameter-names',
      `${network ?? 'no network that is known here'} has ${network === undefined ? '' : 'no '}parameters such as ${some.join(', ') || 'these, of which there are none'}`,
    );
  }
  const matched = matchParameters(graph.name, wanted, named);
  const parameters = wanted.map((parameter) => ({
    ...matched.get(parameter)!,
    name: checkpointName(parameter),
  }));
  return { graph, parameters };
}

type Settings = Omit<BackboneConfig, 'network'>;
type InputSize = BackboneConfig['inputSize'];

/** The preset that was asked for: what the arrays say of its depth and width does not count. */
function presetFor(network: string, shapes: ArrayShapes, said: InputSize): NetworkGraph {
  networkGraph(network);
  const { embeddingSize, inputSize } = settingsOf(network, shapes);
  return graphOf(network, { embeddingSize, inputSize }, said);
}

/** Names without what says nothing of the network. */
function plainlyNamed(arrays: readonly NamedArray[]): NamedArray[] {
  const plain = arrays.map((array) => ({ ...array, name: array.name.replace(/^(arg|aux):/, '') }));
  const start = sharedPath(plain.map(({ name }) => name)).length;
  return plain.map((array) => ({ ...array, name: array.name.slice(start) }));
}

/** The longest path, such as `backbone.module.`, with which all names begin. */
function sharedPath(names: readonly string[]): string {
  let shared = names[0] ?? '';
  for (const name of names) {
    let length = 0;
    while (length < shared.length && shared[length] === name[length]) length++;
    shared = shared.slice(0, length);
  }
  return shared.slice(0, shared.lastIndexOf('.') + 1);
}

/** The preset whose parameters these are by name, or nearly are; of equals the one that they are by shape, too. */
function nearestNetwork(shapes: ArrayShapes, said: InputSize): NetworkGraph {
  const presets = listNetworks().map(({ name }) => ({
    name,
    strangers: strangers(networkGraph(name), shapes),
  }));
  const least = Math.min(...presets.map(({ strangers: count }) => count));
  const ofFamily = (wanted: string) =>
    presets
      .filter(({ name }) => networkFamily(name) === wanted)
      .sort((a, b) => a.strangers - b.strangers)
      .slice(0, 1);
  // Depths that are no preset's come to light with the settings that the arrays tell of.
  const nearest = presets.filter((preset) => preset.strangers === least);
  const candidates = [...nearest, ...ofFamily('iresNet'), ...ofFamily('torchMobileFaceNet')];
  const ranked = candidates.map(({ name }) => {
    const settings = settingsOf(name, shapes);
    const graph = graphOf(name, settings, undefined);
    return { name, settings, graph, names: strangers(graph, shapes), shapes: misfits(graph, shapes) };
  });
  ranked.sort(
    (a, b) =>
      a.names - b.names || a.shapes - b.shapes || Number(VARIANTS.has(a.name)) - Number(VARIANTS.has(b.name)),
  );
  const { name, settings, graph } = ranked[0]!;
  return said === undefined ? graph : graphOf(name, settings, said);
}

/** Presets with the parameters of another one that is better known. */
const VARIANTS: ReadonlySet<string> = new Set(['r49', 'r100fc']);

/** How many names only one of both has. */
function strangers({ nodes }: NetworkGraph, given: ArrayShapes): number {
  const wanted = new Set(nodes.flatMap(({ parameters }) => Object.values(parameters)));
  const common = [...wanted].filter((name) => given.has(name)).length;
  return wanted.size + given.size - 2 * common;
}

/** How many arrays have another shape than the parameter of their name. */
function misfits(graph: NetworkGraph, given: ArrayShapes): number {
  return [...resolveGraph(graph).parameters.values()].filter(
    ({ name, shape }) => given.has(name) && given.get(name)!.join() !== shape.join(),
  ).length;
}

/**
 * A preset with the settings that arrays tell of, and the size of images that somebody says. Arrays of another network, or damaged
 * ones, tell of settings that cannot be: they do not count then. What is said must be possible.
 */
function graphOf(network: string, told: Settings, said: InputSize): NetworkGraph {
  const size = said === undefined ? {} : { inputSize: said };
  try {
    return networkGraph({ network, ...told, ...size });
  } catch (error) {
    if (!(error instanceof BackbonesError)) throw error;
    return networkGraph({ network, ...size });
  }
}

/** What the arrays of a preset tell of its settings. */
function settingsOf(network: string, shapes: ArrayShapes): Settings {
  switch (networkFamily(network)) {
    case 'iresNet':
      return iresNetSettings(shapes);
    case 'torchMobileFaceNet':
      return torchMobileFaceNetSettings(shapes);
    default:
      return { embeddingSize: lastSize(network, shapes) };
  }
}

/** Size of the last layer that has parameters. */
function lastSize(network: string, shapes: ArrayShapes): number | undefined {
  const last = networkGraph(network).nodes.findLast(({ parameters }) => Object.keys(parameters).length > 0);
  return Object.values(last?.parameters ?? {})
    .map((name) => shapes.get(name)?.[0])
    .find((size) => size !== undefined);
}
