/**
 * Computes a graph with tfjs. Two things happen beyond calling each layer in turn: a batch norm that feeds nothing but a
 * PReLU is computed together with it, as one operation; and a value is let go as soon as nothing needs it any more, so
 * that inference holds a few activations rather than all.
 */
import * as tf from '@tensorflow/tfjs-core';
import { applyBatchNorm } from '../layers/batch-norm.ts';
import type { LayerContext } from '../layers/layer.ts';
import { rulesOf } from '../layers/layer-table.ts';
import type { LayerNode, NetworkGraph } from './network-graph.ts';

/** What a computation needs besides the graph. */
export interface ExecutionContext {
  readonly training: boolean;
  /** Seed of everything drawn at random in this call. */
  readonly seed: number;
  variable(parameter: string): tf.Variable;
}

type Compute = (inputs: readonly tf.Tensor[], context: ExecutionContext) => tf.Tensor;

interface Step {
  readonly output: string;
  readonly inputs: readonly string[];
  readonly compute: Compute;
}

/** A graph, ready to be computed again and again. */
export type Executor = (images: tf.Tensor4D, context: ExecutionContext) => tf.Tensor;

/** Plans the computation of a graph that was resolved before. */
export function planExecution(graph: NetworkGraph): Executor {
  const steps = planSteps(graph);
  const uses = new Map<string, number>([[graph.output, 1]]);
  for (const name of steps.flatMap(({ inputs }) => inputs)) {
    uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  return (images, context) => {
    const values = new LiveValues(uses);
    values.set(graph.input, images, { borrowed: true });
    for (const { output, inputs, compute } of steps) {
      values.set(
        output,
        tf.tidy(() =>
          compute(
            inputs.map((name) => values.get(name)),
            context,
          ),
        ),
      );
      values.release(inputs);
    }
    return values.get(graph.output);
  };
}

function planSteps(graph: NetworkGraph): Step[] {
  const fused = fusedSlopes(graph);
  const absorbed = new Set([...fused.values()].map(({ name }) => name));
  return graph.nodes
    .filter(({ name }) => !absorbed.has(name))
    .map((node, index) => {
      const follower = fused.get(node.name);
      return {
        output: follower?.name ?? node.name,
        inputs: node.inputs,
        compute: follower === undefined ? layerStep(node, index) : fusedStep(node, follower, index),
      };
    });
}

/** For each batch norm whose value goes into one PReLU and nowhere else, that PReLU. */
function fusedSlopes(graph: NetworkGraph): Map<string, LayerNode> {
  const consumers = new Map<string, LayerNode[]>();
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      consumers.set(input, [...(consumers.get(input) ?? []), node]);
    }
  }
  const fused = new Map<string, LayerNode>();
  for (const { name, layer } of graph.nodes) {
    const [follower, ...others] = consumers.get(name) ?? [];
    const single = follower?.layer.kind === 'prelu' && !follower.layer.shared && others.length === 0;
    if (layer.kind === 'batch-norm' && single && name !== graph.output) {
      fused.set(name, follower);
    }
  }
  return fused;
}

function layerStep(node: LayerNode, index: number): Compute {
  const rules = rulesOf(node.layer);
  return (inputs, context) => rules.apply(node.layer, inputs, contextOf(node, index, context));
}

function fusedStep(node: LayerNode, follower: LayerNode, index: number): Compute {
  const { layer } = node;
  const slope = follower.parameters.slope!;
  if (layer.kind !== 'batch-norm') {
    throw new TypeError('only a batch norm is computed together with its PReLU');
  }
  return ([x], context) =>
    applyBatchNorm(
      layer,
      x!,
      contextOf(node, index, context),
      context.variable(slope) as tf.Tensor as tf.Tensor1D,
    );
}

function contextOf(node: LayerNode, index: number, context: ExecutionContext): LayerContext {
  return {
    training: context.training,
    parameter: (slot) => context.variable(node.parameters[slot]!),
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
