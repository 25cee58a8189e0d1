// Lowering says traced nodes in ONNX. Every value may exist in up to three memory layouts at once: *last* is
// tfjs's own order (channels last; the only one for values that are not images), *first* is ONNX's NCHW, *blocked* is
// ONNX Runtime's NCHWc. A node produces its result in the layout it works best in and asks for its inputs in
// the layout it wants; a reorder is written when somebody asks for a layout that does not exist yet, and at most
// once. So reorders appear at convolutions and nowhere between them.

import { type Attributes, elementTypes, nchwcDomain, type OnnxGraph } from '../onnx/graph.ts';
import { type DType, type Shape, sizeOf, TraceValue, type ValueType } from '../trace/trace-graph.ts';
import { halfPrecisionProduct } from './half-precision.ts';

export type Layout = 'last' | 'first' | 'blocked';

interface LoweredValue {
  /** The layout it was produced in. */
  primary: Layout;
  last?: string;
  first?: string;
  blocked?: string;
  /** Writes the `last` form when it turns out that somebody needs it. */
  postponed?: () => string;
  /** Set when every element is this number, known from the graph alone. */
  uniform?: number;
  /** The smaller value that this one repeats, when it is a broadcast. */
  broadcastOf?: TraceValue;
  /** Writes it once more in its primary layout; `delayed` makes a name depend on something that is computed later. */
  again?: (delayed: (vector: string) => string) => string;
  /** Set on a convolution that is not written yet, because the map that follows can be part of it. */
  unmapped?: WriteMapped;
}

/** Numbers per channel, names of vectors [C]: x*gain + shift; without a gain, x + shift. */
export interface ChannelMap {
  readonly gain: string | null;
  readonly shift: string;
}

/** Writes an operator together with a map of its result's channels, in the blocked layout. */
type WriteMapped = (map: ChannelMap | null) => string;

/** How graphs are to be written. */
export interface LoweringOptions {
  /** Channels per block, 0 where the blocked layout isn't used. */
  readonly blockSize: number;
  /** Results that can be computed again are held for the backward pass up to so many bytes. */
  readonly heldBytes: number;
  /** In what dense convolutions and matrix products multiply. Other than float32 only without the blocked layout. */
  readonly precision: 'float32' | 'float16' | 'emulated float16';
}

/** What is known of a schedule as a whole before its first node is lowered. */
export interface LoweringPlan {
  /** Values that one node reads which maps their channels, and nothing else. */
  readonly mappedOnly: ReadonlySet<TraceValue>;
  /** Values that one node reads which adds another image to them, and nothing else. */
  readonly summedOnly: ReadonlySet<TraceValue>;
  /** Values that are computed again for the backward pass. */
  readonly recomputed: ReadonlySet<TraceValue>;
}

export class Lowering {
  readonly graph: OnnxGraph;
  /** Channels per block, 0 where the blocked layout isn't used. */
  readonly blockSize: number;
  readonly #precision: LoweringOptions['precision'];
  readonly #plan: LoweringPlan;
  readonly #values = new Map<TraceValue, LoweredValue>();

  constructor(graph: OnnxGraph, options: LoweringOptions, plan: LoweringPlan) {
    this.graph = graph;
    this.blockSize = options.blockSize;
    this.#precision = options.precision;
    this.#plan = plan;
  }

  // --- results -------------------------------------------------------------------------------------------------

  define(value: TraceValue, layout: Layout, name: string): void {
    this.#values.set(value, { primary: layout, [layout]: name });
  }

  /** Defines a value whose operator is written only when the value itself, not its rule, is needed. */
  postpone(
    value: TraceValue,
    write: () => string,
    knowledge: { uniform?: number; broadcastOf?: TraceValue } = {},
  ): void {
    this.#values.set(value, { primary: 'last', postponed: write, ...knowledge });
  }

  /** Makes `value` another name of `original` (same shape and dtype), in all its layouts. */
  alias(value: TraceValue, original: TraceValue): void {
    this.#values.set(value, this.#value(original));
  }

  /** Defines a blocked image, or, where the channels of it are mapped next, leaves it to `mapped` to write both in one. */
  defineMappable(value: TraceValue, write: WriteMapped): void {
    if (!this.#plan.mappedOnly.has(value)) {
      this.define(value, 'blocked', write(null));
      return;
    }
    const { scope } = this.graph;
    const unmapped: WriteMapped = (map) => {
      const outside = this.graph.scope;
      this.graph.scope = scope;
      const name = write(map);
      this.graph.scope = outside;
      return name;
    };
    this.#values.set(value, { primary: 'blocked', unmapped });
  }

  /** The image after the map, if what gives it was left to be written with it; else null. */
  mapped(value: TraceValue, map: ChannelMap): string | null {
    return this.#value(value).unmapped?.(map) ?? null;
  }

  /** The sum of two blocked images, if one of them comes from a convolution that can add the other; else null. */
  summed(value: TraceValue, other: TraceValue): string | null {
    if (!this.#plan.summedOnly.has(value) || this.primary(value) !== 'blocked') return null;
    const summand = this.blocked(other);
    return this.graph.convolutionWithSummand(this.blocked(value), summand);
  }

  /** Says how a value that is defined can be computed once more, from values that are held anyway. */
  computableAgain(value: TraceValue, again: NonNullable<LoweredValue['again']>): void {
    if (this.#plan.recomputed.has(value)) this.#value(value).again = again;
  }

  /**
   * The value as a gradient should take it: itself, or, where it is not to be held until then, another that is computed
   * from the same numbers once `gradient` is there.
   */
  untilBackward(value: TraceValue, gradient: TraceValue): TraceValue {
    const { again, primary } = this.#value(value);
    if (!again) return value;
    // ONNX has no way to order operators but by data, and ONNX Runtime merges what is computed twice from the same
    // inputs. So a vector gets one element of the gradient appended and cut off again.
    const delayed = (vector: string) => {
      const start = gradient.shape.map(() => 0);
      const axes = gradient.shape.map((_, axis) => axis);
      const first = this.slice(
        this.in(this.primary(gradient), gradient),
        start,
        axes.map(() => 1),
        axes,
      );
      const longer = this.op('Concat', [vector, this.reshape(first, [1])], { axis: 0 });
      return this.slice(longer, [0], [-1], [0]);
    };
    const copy = new TraceValue(value.shape, value.dtype);
    this.define(copy, primary, again(delayed));
    return copy;
  }

  // --- operands ------------------------------------------------------------------------------------------------

  primary(value: TraceValue): Layout {
    return this.#value(value).primary;
  }

  uniform(value: TraceValue): number | undefined {
    return this.#value(value).uniform;
  }

  broadcastOf(value: TraceValue): TraceValue | undefined {
    return this.#value(value).broadcastOf;
  }

  /** Whether a tensor of this shape can stand in the blocked layout. */
  canBlock({ shape }: { shape: Shape }): boolean {
    return this.blockSize > 0 && shape.length === 4 && shape[3]! % this.blockSize === 0 && sizeOf(shape) > 0;
  }

  /** The value in tfjs's own order. */
  last(value: TraceValue): string {
    const lowered = this.#written(value);
    lowered.last ??= this.#toLast(value, lowered);
    return lowered.last;
  }

  /** The image in NCHW. */
  first(value: TraceValue): string {
    const lowered = this.#written(value);
    lowered.first ??= this.#toFirst(value, lowered);
    return lowered.first;
  }

  /** The image in NCHWc, declared as [N, C, H, W]. */
  blocked(value: TraceValue): string {
    const lowered = this.#written(value);
    lowered.blocked ??= this.#toBlocked(value, lowered);
    return lowered.blocked;
  }

  in(layout: Layout, value: TraceValue): string {
    return layout === 'last'
      ? this.last(value)
      : layout === 'first'
        ? this.first(value)
        : this.blocked(value);
  }

  // --- operators -----------------------------------------------------------------------------------------------

  op(type: string, inputs: readonly string[], attributes?: Attributes): string {
    return this.graph.op(type, inputs, attributes);
  }

  /** An operator that sums products of two float operands, in the precision asked for: a convolution or matrix product. */
  product(type: string, operands: readonly [string, string], attributes?: Attributes): string {
    return this.#precision === 'float32'
      ? this.op(type, operands, attributes)
      : halfPrecisionProduct(this, type, operands, attributes, this.#precision !== 'float16');
  }

  /** An operator of ONNX Runtime's blocked domain. */
  blockedOp(type: string, inputs: readonly string[], attributes?: Attributes): string {
    return this.graph.op(type, inputs, attributes, nchwcDomain);
  }

  integers(values: readonly number[]): string {
    return this.graph.integers(values);
  }

  scalar(value: number, dtype: DType | 'int64' = 'float32'): string {
    return this.graph.constant(dtype, [], [value]);
  }

  reshape(name: string, shape: Shape): string {
    return this.graph.op('Reshape', [name, this.integers(shape)]);
  }

  transpose(name: string, perm: readonly number[]): string {
    return this.graph.op('Transpose', [name], { perm });
  }

  /** [a, b, ...] -> [b, a, ...] in whole rows: a Gather, which runs on all threads. Transpose runs on one. */
  swapOuter(name: string, [a, b, row]: readonly [number, number, number]): string {
    if (a === 1 || b === 1) return this.reshape(name, [b, a, row]);
    const order = Array.from({ length: a * b }, (_, i) => (i % a) * b + Math.floor(i / a));
    const rows = this.op('Gather', [this.reshape(name, [a * b, row]), this.integers(order)], { axis: 0 });
    return this.reshape(rows, [b, a, row]);
  }

  cast(name: string, dtype: DType | 'float16' | 'int64' | 'uint8'): string {
    return this.graph.op('Cast', [name], { to: elementTypes[dtype] });
  }

  reduceSum(name: string, axes: readonly number[], keep = false): string {
    return this.graph.op('ReduceSum', [name, this.integers(axes)], { keepdims: keep ? 1 : 0 });
  }

  slice(
    name: string,
    begin: readonly number[],
    end: readonly number[],
    axes: readonly number[],
    steps?: readonly number[],
  ): string {
    const bounds = [name, this.integers(begin), this.integers(end), this.integers(axes)];
    return this.graph.op('Slice', steps ? [...bounds, this.integers(steps)] : bounds);
  }

  /** With so much added at the begin and the end of every axis, or (negative) cut off. */
  pad(name: string, margins: readonly number[]): string {
    if (margins.every((margin) => margin === 0)) return name;
    return this.graph.op('Pad', [name, this.integers(margins)]);
  }

  /** One of two values, computed only if it is the one. */
  conditional(
    condition: string,
    then: () => string,
    otherwise: () => string,
    { shape, dtype }: ValueType,
  ): string {
    return this.graph.conditional(condition, then, otherwise, dtype, shape);
  }

  /** A tensor full of one number. */
  filled(value: number, { shape, dtype }: ValueType): string {
    if (shape.length === 0) return this.scalar(value, dtype);
    if (sizeOf(shape) === 0) return this.graph.constant(dtype, shape, []);
    return this.op('Expand', [this.scalar(value, dtype), this.integers(shape)]);
  }

  // --- reorders ------------------------------------------------------------------------------------------------

  #value(value: TraceValue): LoweredValue {
    const lowered = this.#values.get(value);
    if (!lowered) throw new Error('a value is used before it is lowered');
    return lowered;
  }

  /** The value as one that is read, and not left to a map that follows. */
  #written(value: TraceValue): LoweredValue {
    const lowered = this.#value(value);
    if (lowered.unmapped) lowered.blocked ??= lowered.unmapped(null);
    return lowered;
  }

  #toLast(value: TraceValue, lowered: LoweredValue): string {
    if (lowered.postponed) return lowered.postponed();
    const [n, h, w, c] = value.shape as readonly [number, number, number, number];
    if (h === 1 && w === 1) return this.reshape((lowered.blocked ?? lowered.first)!, [n, 1, 1, c]);
    if (!lowered.blocked) return this.transpose(lowered.first!, [0, 2, 3, 1]);
    if (value.dtype !== 'float32')
      return this.reshape(this.#unblock(value, lowered, [0, 2, 3, 1, 4]), [n, h, w, c]);
    return this.blockedOp('ReorderOutput', [lowered.blocked], { channels: c, channels_last: 1 });
  }

  /** The reorders of the blocked domain know floats only; masks and integers go this way. */
  #unblock(value: TraceValue, lowered: LoweredValue, perm: readonly number[]): string {
    const [n, h, w, c] = value.shape as readonly [number, number, number, number];
    const blocks = this.reshape(lowered.blocked!, [n, c / this.blockSize, h, w, this.blockSize]);
    return this.transpose(blocks, perm);
  }

  #toFirst(value: TraceValue, lowered: LoweredValue): string {
    const [n, h, w, c] = value.shape as readonly [number, number, number, number];
    if (h === 1 && w === 1) return this.reshape(lowered.blocked ?? this.last(value), [n, c, 1, 1]);
    if (lowered.blocked && !lowered.last) {
      if (value.dtype !== 'float32')
        return this.reshape(this.#unblock(value, lowered, [0, 1, 4, 2, 3]), [n, c, h, w]);
      return this.blockedOp('ReorderOutput', [lowered.blocked], { channels: c });
    }
    if (c === 1) return this.reshape(this.last(value), [n, 1, h, w]);
    return this.transpose(this.last(value), [0, 3, 1, 2]);
  }

  #toBlocked(value: TraceValue, lowered: LoweredValue): string {
    const [n, h, w, c] = value.shape as readonly [number, number, number, number];
    if (h === 1 && w === 1) return this.reshape(lowered.first ?? this.last(value), [n, c, 1, 1]);
    if (value.dtype !== 'float32') {
      const split = this.reshape(this.last(value), [n, h, w, c / this.blockSize, this.blockSize]);
      return this.reshape(this.transpose(split, [0, 3, 1, 2, 4]), [n, c, h, w]);
    }
    if (lowered.first && !lowered.last) return this.blockedOp('ReorderInput', [lowered.first]);
    return this.blockedOp('ReorderInput', [this.last(value)], { channels_last: 1 });
  }
}
