/**
 * A network with its parameters: images in, embeddings out. The network itself is data (a {@link NetworkGraph}); this
 * gives it variables, and computes it with whatever tfjs backend is set.
 */
import * as tf from '@tensorflow/tfjs-core';
import { BackbonesError } from './backbones-error.ts';
import type { BackwardStages } from './graph/backward-stages.ts';
import { planExecution } from './graph/executor.ts';
import {
  type GraphParameter,
  type NetworkGraph,
  type ResolvedGraph,
  resolveGraph,
} from './graph/network-graph.ts';
import { parseNetworkGraph } from './graph/parse-network-graph.ts';
import { flattened } from './layers/flatten.ts';
import type { ParameterKind, ParameterRole } from './layers/layer.ts';
import { type NamedArray, toFloat32 } from './named-array.ts';
import type { BackboneConfig } from './networks/backbone-config.ts';
import { networkGraph } from './networks/presets.ts';
import type { Gather } from './operations/synchronised-batch-norm.ts';
import { initialValues } from './parameters/initial-values.ts';
import { type ImportOptions, matchParameters } from './parameters/parameter-arrays.ts';
import { deviceShape, toDeviceLayout } from './parameters/parameter-layout.ts';

/** A parameter of a network, living on the backend. */
export interface Parameter {
  /** The reference's name, such as `stage1_unit1_conv1_weight`. */
  readonly name: string;
  /** Arguments are trained; auxiliary states (running averages) are not. */
  readonly role: ParameterRole;
  readonly kind: ParameterKind;
  /** The reference's shape: weights of convolutions are `[out, in / groups, height, width]`. */
  readonly shape: readonly number[];
  /**
   * Stored and written to checkpoints, but not trained: gamma of a batch norm with `fix_gamma` (1 is used in its place), or
   * that is frozen.
   */
  readonly fixed: boolean;
  /**
   * The values, float32, in tfjs's layout: `[height, width, in, out]`, depthwise `[height, width, channels, multiplier]`;
   * the weight of a fully connected layer is `[out, in]` as in the reference, with the input flattened in the order
   * channels, height, width.
   */
  readonly variable: tf.Variable;
}

/** Options of {@link Backbone.apply}. */
export interface ApplyOptions {
  /**
   * Normalise by the batch's own statistics, move the running averages, and drop out. Default false.
   */
  readonly training?: boolean | undefined;
  /** Seed of what is dropped in this call; give each step its own. Default: the number of training calls so far. */
  readonly seed?: number | undefined;
  /**
   * In training, normalise by the statistics of the batches of several ranks together: gives the numbers of all ranks for those of
   * this one, and blocks. Default: each rank by its own batch.
   */
  readonly gather?: Gather | undefined;
  /**
   * In training, which layers normalise by their running averages and leave them alone, by the names of the graph's nodes: those of parts
   * that are not trained. Default: none but those whose graph says so.
   */
  readonly atAverages?: ((layer: string) => boolean) | undefined;
  /** In training, tells gradients stage by stage of the backward pass. Default: they are there when it has ended. */
  readonly stages?: BackwardStages | undefined;
}

/** A network and its parameters. */
export interface Backbone {
  readonly name: string;
  readonly graph: NetworkGraph;
  /** Height, width and channels of an image. */
  readonly inputShape: readonly [number, number, number];
  /** Length of an embedding. */
  readonly embeddingSize: number;
  /** By name: arguments, then auxiliary states, each in the reference's order. */
  readonly parameters: ReadonlyMap<string, Parameter>;
  /**
   * Embeds images.
   *
   * @param images RGB, 0..255, `[batch, height, width, 3]`, float32 or int32; scaled inside the network
   * @returns `[batch, embeddingSize]`, not normalised. Differentiable by `tf.variableGrads`
   * @throws BackbonesError `invalid-option` if the images have another size or there are less than one stage, `disposed` after {@link Backbone.dispose}
   */
  apply(images: tf.Tensor4D, options?: ApplyOptions): tf.Tensor2D;
  /** Frees the parameters. */
  dispose(): void;
}

/** Options of {@link createBackbone}. */
export interface CreateOptions {
  /** Seed of the initial weights. Default 0. */
  readonly seed?: number | undefined;
  /**
   * Gradient checkpointing: in training, keep only what passes between so many segments of the network, and compute the
   * rest again in the backward pass. Saves memory and costs up to one more forward pass; the result is the same. A ResNet
   * can be cut behind every unit, which `Infinity` does. Default 1: keep everything.
   */
  readonly segments?: number | undefined;
}

/** Where the first values of a parameter come from, in the reference's layout. */
export type ParameterSource = (parameter: GraphParameter) => Float32Array;

/**
 * A new network with initial weights.
 *
 * @param preset a name such as `y1` or `r50`, or a configuration
 * @throws BackbonesError `invalid-option` for what is unknown or impossible
 */
export function createBackbone(preset: string | BackboneConfig, options: CreateOptions = {}): Backbone {
  return backboneFromGraph(networkGraph(preset), options);
}

/** Options of {@link backboneFromGraph}. */
export interface FromGraphOptions extends CreateOptions, ImportOptions {
  /**
   * Values of all parameters, named as in a checkpoint. Default: initial weights.
   *
   * Names and shapes are checked before anything is allocated, so the graph may come from a file that nobody vouches for.
   */
  readonly parameters?: Iterable<NamedArray> | undefined;
}

/**
 * A network from its graph, as a checkpoint holds it.
 *
 * @throws BackbonesError `invalid-graph` if it is damaged or its layers don't fit together; `parameter-names` and
 *   `parameter-shape` as `importParameters` does
 */
export function backboneFromGraph(graph: NetworkGraph, options: FromGraphOptions = {}): Backbone {
  const { seed = 0, parameters, segments } = options;
  parseNetworkGraph(graph);
  if (parameters === undefined) {
    const initial: ParameterSource = (parameter) => initialValues(parameter, graph.initializer, seed);
    return backboneFromSource(graph, initial, { segments });
  }
  const wanted = [...resolveGraph(graph).parameters.values()];
  const matched = matchParameters(graph.name, wanted, parameters, options);
  const byName = new Map([...matched].map(([{ name }, array]) => [name, array]));
  // Copies: backends hold on to arrays, and these may be views of a file.
  return backboneFromSource(graph, ({ name }) => toFloat32(byName.get(name)!).slice(), { segments });
}

/** A network from its graph and given values. */
export function backboneFromSource(
  graph: NetworkGraph,
  source: ParameterSource,
  { segments = 1 }: Pick<CreateOptions, 'segments'> = {},
): Backbone {
  if (!(segments >= 1)) {
    throw new BackbonesError('invalid-option', `segments must be a number from 1 on, found ${segments}`);
  }
  const resolved = resolveGraph(graph);
  const execute = planExecution(resolved, { segments });
  const parameters = createParameters(resolved, source);
  let disposed = false;
  let trainingCalls = 0;
  const variable = (name: string): tf.Variable => parameters.get(name)!.variable;

  return {
    name: graph.name,
    graph,
    inputShape: graph.inputShape,
    embeddingSize: resolved.embeddingSize,
    parameters,

    apply(images, { training = false, seed, gather, stages, atAverages } = {}) {
      if (disposed) {
        throw new BackbonesError('disposed', `network ${graph.name} was disposed of; create it again`);
      }
      checkImages(images, graph);
      if (stages && !(stages.count >= 1)) {
        throw new BackbonesError(
          'invalid-option',
          `stages must be a number from 1 on, found ${stages.count}`,
        );
      }
      const context = {
        training,
        updateAverages: training,
        gather,
        stages,
        atAverages,
        seed: seed ?? trainingCalls,
        variable,
        parameter: variable,
      };
      trainingCalls += training ? 1 : 0;
      return tf.tidy(() => flattened(execute(tf.cast(images, 'float32'), context)));
    },

    dispose() {
      disposed = true;
      for (const { variable } of parameters.values()) {
        variable.dispose();
      }
    },
  };
}

function createParameters(resolved: ResolvedGraph, source: ParameterSource): Map<string, Parameter> {
  const parameters = new Map<string, Parameter>();
  for (const rule of resolved.parameters.values()) {
    const { name, role, kind, shape, layout, fixed } = rule;
    const values = toDeviceLayout(source(rule), shape, layout);
    const initial = tf.tensor(values, deviceShape(shape, layout));
    const variable = tf.variable(initial, role === 'argument' && !fixed);
    initial.dispose();
    parameters.set(name, { name, role, kind, shape, fixed, variable });
  }
  return parameters;
}

function checkImages(images: tf.Tensor4D, { name, inputShape }: NetworkGraph): void {
  const fits = images.rank === 4 && inputShape.every((size, i) => images.shape[i + 1] === size);
  if (!fits || (images.dtype !== 'float32' && images.dtype !== 'int32')) {
    throw new BackbonesError(
      'invalid-option',
      `${name} takes images [batch, ${inputShape.join(', ')}] of float32 or int32, found [${images.shape}] of ${images.dtype}`,
    );
  }
}
