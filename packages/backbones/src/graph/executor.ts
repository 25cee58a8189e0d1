/**
 * Computes a graph with tfjs. Two things happen beyond calling each layer in turn: a batch norm that feeds nothing but a
 * PReLU is computed together with it, as one operation; and a value is let go as soon as nothing needs it any more, so
 * that inference holds a few activations rather than all. In training, segments of the network may be computed twice to
 * the same end; see `recomputed-segment.ts`.
 */
import * as tf from '@tensorflow/tfjs-core';
import { applyBatchNorm } from '../layers/batch-norm.ts';
import type { LayerContext } from '../layers/layer.ts';
import { rulesOf } from '../layers/layer-table.ts';
import { elementCount } from '../named-array.ts';
import type { Gather } from '../operations/synchronised-batch-norm.ts';
import { type BackwardStages, inStages } from './backward-stages.ts';
import type { LayerNode, ResolvedGraph } from './network-graph.ts';
import { recomputed } from './recomputed-segment.ts';
import { cutIntoSegments, type Segment } from './segments.ts';

/** What a computation needs besides the graph. */
export interface ExecutionContext {
  readonly training: boolean;
  /** Whether running averages move in training. */
  readonly updateAverages: boolean;
  /** For statistics of the batch over several ranks. */
  readonly gather: Gather | undefined;
  /** Layers that normalise by their running averages in training, too. Default: none but those whose graph says so. */
  readonly atAverages?: ((layer: string) => boolean) | undefined;
  /** Seed of everything drawn at random in this call. */
  readonly seed: number;
  /** Whose gradients are told stage by stage in training. Default: all at the end of the backward pass. */
  readonly stages?: BackwardStages | undefined;
  variable(parameter: string): tf.Variable;
  /** What layers compute with: the variable, or a tensor through which its gradient comes. */
  parameter(parameter: string): tf.Tensor;
}

/** One or two layers that are computed together. */
export interface Step {
  readonly output: string;
  readonly inputs: readonly string[];
  /** Names of the parameters that it uses. */
  readonly parameters: readonly string[];
  /** Number of values for one image that a backward pass would have to keep. */
  readonly size: number;
  compute(inputs: readonly tf.Tensor[], context: ExecutionContext): tf.Tensor;
}

/** A graph, ready to be computed again and again. */
export type Executor = (images: tf.Tensor, context: ExecutionContext) => tf.Tensor;

/** Options of {@link planExecution}. */
export interface ExecutionOptions {
  /** Number of segments of which all but the last are computed again in the backward pass. Default 1. */
  readonly segments?: number | undefined;
}

/** Plans the computation of a graph. */
export function planExecution(resolved: ResolvedGraph, { segments = 1 }: ExecutionOptions = {}): Executor {
  const { graph } = resolved;
  const network: Segment = { steps: planSteps(resolved), input: graph.input, output: graph.output };
  const inference = executorOf(network);
  const training = trainingExecutor(network, segments);
  const staged = new Map<number, Executor>();
  return (images, context) => {
    if (!context.training) return inference(images, context);
    if (context.stages === undefined) return training(images, context);
    const { count } = context.stages;
    if (!staged.has(count)) {
      const stages = cutIntoSegments(network.steps, network, count);
      const each = stages.map((segment) => trainingExecutor(segment, segments / stages.length));
      staged.set(count, inStages(stages, each));
    }
    return staged.get(count)!(images, context);
  };
}

/** @param parts at most so many, of which all but the last are computed again in the backward pass */
function trainingExecutor(whole: Segment, parts: number): Executor {
  const segments = cutIntoSegments(whole.steps, whole, parts);
  const executors = segments.map((segment, i) =>
    i < segments.length - 1 ? recomputed(segment, executorOf(segment)) : executorOf(segment),
  );
  return (images, context) => executors.reduce((value, part) => part(value, context), images);
}

function executorOf({ steps, input, output }: Segment): Executor {
  const uses = new Map<string, number>([[output, 1]]);
  for (const name of steps.flatMap(({ inputs }) => inputs)) {
    uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  return (images, context) => {
    const values = new LiveValues(uses);
    values.set(input, images, { borrowed: true });
    for (const step of steps) {
      const inputs = step.inputs.map((name) => values.get(name));
      values.set(
        step.output,
        tf.tidy(() => step.compute(inputs, context)),
      );
      values.release(step.inputs);
    }
    return values.get(output);
  };
}

/** What is computed, in order. */
export function planSteps({ graph, nodes }: ResolvedGraph): Step[] {
  const fused = fusedSlopes(graph.nodes, graph.output);
  const absorbed = new Set([...fused.values()].map(({ name }) => name));
  return nodes
    .filter(({ node }) => !absorbed.has(node.name))
    .map(({ node, outputShape }, index) => {
      const follower = fused.get(node.name);
      return {
        output: follower?.name ?? node.name,
        inputs: node.inputs,
        parameters: [...Object.values(node.parameters), ...Object.values(follower?.parameters ?? {})],
        size: elementCount(outputShape),
        compute: follower === undefined ? layerStep(node, index) : fusedStep(node, follower, index),
      };
    });
}

/** For each batch norm whose value goes into one PReLU and nowhere else, that PReLU. */
function fusedSlopes(nodes: readonly LayerNode[], output: string): Map<string, LayerNode> {
  const consumers = new Map<string, LayerNode[]>(nodes.map(({ name }) => [name, []]));
  for (const node of nodes) {
    for (const input of node.inputs) consumers.get(input)?.push(node);
  }
  const fused = new Map<string, LayerNode>();
  for (const { name, layer } of nodes) {
    const [follower, ...others] = consumers.get(name) ?? [];
    const single = follower?.layer.kind === 'prelu' && !follower.layer.shared && others.length === 0;
    if (layer.kind === 'batch-norm' && single && name !== output) {
      fused.set(name, follower);
    }
  }
  return fused;
}

function layerStep(node: LayerNode, index: number): Step['compute'] {
  const rules = rulesOf(node.layer);
  return (inputs, context) => rules.apply(node.layer, inputs, contextOf(node, index, context));
}

function fusedStep(node: LayerNode, follower: LayerNode, index: number): Step['compute'] {
  const { layer } = node;
  const slope = follower.parameters.slope!;
  if (layer.kind !== 'batch-norm') {
    throw new TypeError('only a batch norm is computed together with its PReLU');
  }
  return ([x], context) =>
    applyBatchNorm(layer, x!, contextOf(node, index, context), context.parameter(slope) as tf.Tensor1D);
}

function contextOf(node: LayerNode, index: number, context: ExecutionContext): LayerContext {
  return {
    training: context.training,
    updateAverages: context.updateAverages,
    gather: context.gather,
    atAverages: context.atAverages?.(node.name) ?? false,
    parameter: (slot) => context.parameter(node.parameters[slot]!),
    auxiliary: (slot) => context.variable(node.parameters[slot]!),
    seed: () => context.seed * 1009 + index,
  };
}

/** Values by name, disposed of when the last step that needs them has run. */
class LiveValues {
  readonly #values = new Map<string, tf.Tensor>();
  readonly #uses: Map<string, number>;
  /** How many names a tensor still goes by: layers may return their input. */
  readonly #names = new Map<tf.Tensor, number>();

  constructor(uses: ReadonlyMap<string, number>) {
    this.#uses = new Map(uses);
  }

  get(name: string): tf.Tensor {
    return this.#values.get(name)!;
  }

  set(name: string, value: tf.Tensor, { borrowed = false } = {}): void {
    this.#values.set(name, value);
    this.#names.set(value, (this.#names.get(value) ?? 0) + (borrowed ? 2 : 1));
    if (!this.#uses.has(name)) {
      this.#forget(name);
    }
  }

  release(names: readonly string[]): void {
    for (const name of names) {
      const left = this.#uses.get(name)! - 1;
      this.#uses.set(name, left);
      if (left === 0) {
        this.#forget(name);
      }
    }
  }

  #forget(name: string): void {
    const value = this.get(name);
    const names = this.#names.get(value)! - 1;
    this.#values.delete(name);
    this.#names.set(value, names);
    if (names === 0) {
      value.dispose();
    }
  }
}
