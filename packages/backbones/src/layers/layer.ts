/**
 * What a layer is: plain data (its `kind` and settings, fit for JSON), and rules that say which shapes it takes, which
 * parameters it has, what it costs and how it is computed. A kind of layer is one small file with both; the table of all
 * kinds is `layer-table.ts`.
 *
 * Shapes here are of one image, channels last: `[height, width, channels]` or `[channels]`. Settings and the shapes of
 * parameters are the reference's (MXNet), channels first.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { BackbonesError } from '../backbones-error.ts';
import type { Gather } from '../operations/synchronised-batch-norm.ts';

/** Shape of one image's activations, channels last, without the batch. */
export type Shape = readonly number[];

/** Height, then width. */
export type Extent = readonly [number, number];

export type ParameterRole = 'argument' | 'auxiliary';
export type ParameterKind = 'weight' | 'bias' | 'gamma' | 'beta' | 'slope' | 'mean' | 'variance';

/** How values of the reference's shape are laid out for tfjs. */
export type ParameterLayout =
  /** `[out, in, h, w]` becomes `[h, w, in, out]`. */
  | 'convolution'
  /** `[channels * multiplier, 1, h, w]` becomes `[h, w, channels, multiplier]`; the number is that of channels. */
  | { readonly depthwise: number }
  /** As it is. */
  | 'same';

/** A parameter that a layer needs. */
export interface ParameterRule {
  /** What the layer calls it. */
  readonly slot: string;
  readonly kind: ParameterKind;
  readonly role: ParameterRole;
  /** The reference's shape: weights of convolutions are `[out, in / groups, h, w]`. */
  readonly shape: readonly number[];
  readonly layout: ParameterLayout;
  /** Stored, but not trained: gamma of a batch norm that uses 1 instead (`fix_gamma`), or is frozen. */
  readonly fixed: boolean;
}

/** What a layer may use while it is computed. */
export interface LayerContext {
  readonly training: boolean;
  /** Whether running averages move in training. */
  readonly updateAverages: boolean;
  /** For statistics of the batch over several ranks. */
  readonly gather: Gather | undefined;
  /** Whether this layer normalises by its running averages in training, too. */
  readonly atAverages: boolean;
  /** What is in one of the layer's slots, in tfjs's layout. */
  parameter(slot: string): tf.Tensor;
  /** The variable in a slot for an auxiliary state, which a layer may assign to. */
  auxiliary(slot: string): tf.Variable;
  /** A seed for this layer in this call, for what is drawn at random. */
  seed(): number;
}

/** The rules of one kind of layer. */
export interface LayerRules<L> {
  /** @throws BackbonesError `invalid-graph` if the layer cannot take these inputs */
  outputShape(layer: L, inputs: readonly Shape[]): Shape;
  /** In the reference's order; absent if the layer has none. */
  parameters?(layer: L, inputs: readonly Shape[]): readonly ParameterRule[];
  /** Operations for one image as the reference counts them: multiplications and additions apart; absent if not counted. */
  flops?(layer: L, inputs: readonly Shape[], output: Shape): number;
  /** Inputs and result have the batch in front. Intermediate tensors are the caller's `tf.tidy`'s business. */
  apply(layer: L, inputs: readonly tf.Tensor[], context: LayerContext): tf.Tensor;
}

/** The input of a layer that has just one. */
export function onlyInput<T>(inputs: readonly T[]): T {
  return nthInput(inputs, 0, 1);
}

/** Both inputs of a layer that has two. */
export function bothInputs<T>(inputs: readonly T[]): readonly [T, T] {
  return [nthInput(inputs, 0, 2), nthInput(inputs, 1, 2)];
}

function nthInput<T>(inputs: readonly T[], n: number, expected: number): T {
  const input = inputs[n];
  if (input === undefined || inputs.length !== expected) {
    throw new BackbonesError('invalid-graph', `expected ${expected} input(s), found ${inputs.length}`);
  }
  return input;
}

/** The shape of an image-like input. */
export function imageShape(shape: Shape): readonly [number, number, number] {
  if (shape.length !== 3) {
    throw new BackbonesError(
      'invalid-graph',
      `expected an input [height, width, channels], found [${shape}]`,
    );
  }
  return shape as unknown as readonly [number, number, number];
}

/** Number of channels: the last dimension. */
export function channelsOf(shape: Shape): number {
  const channels = shape.at(-1);
  if (channels === undefined) {
    throw new BackbonesError('invalid-graph', 'expected an input with channels, found a single number');
  }
  return channels;
}

/** How many steps a window takes along one side, padding included; whatever does not fit is left out. */
export function windowSteps(
  size: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation = 1,
): number {
  const reach = dilation * (kernel - 1) + 1;
  const steps = Math.floor((size + 2 * padding - reach) / stride) + 1;
  if (size + 2 * padding < reach) {
    throw new BackbonesError(
      'invalid-graph',
      `a window of ${reach} does not fit into ${size} with ${padding} of padding at either end; is the input image too small?`,
    );
  }
  return steps;
}
