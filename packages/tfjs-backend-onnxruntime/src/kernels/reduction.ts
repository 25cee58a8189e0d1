// Kernels that reduce over axes: sums, extrema, truth, positions of extrema, running sums, and softmax. Sums over the
// pixels of a blocked image stay in its layout.

import {
  type ArgMaxAttrs,
  type CumsumAttrs,
  type LogSoftmaxAttrs,
  type SoftmaxAttrs,
  type SumAttrs,
  util,
} from '@tensorflow/tfjs-core';
import type { Lowering } from '../lowering/lowering.ts';
import { notANumber, whereNotANumber } from '../lowering/not-a-number.ts';
import { type DType, type Shape, sizeOf, type TraceNode, type TraceValue } from '../trace/trace-graph.ts';
import { type Inferred, type KernelRow, primitive } from './kernel-row.ts';

interface ReductionRule {
  readonly kernel: string;
  /** ONNX's operator. */
  readonly type: string;
  readonly result: (dtype: DType) => DType;
  /** What reducing nothing gives. */
  readonly empty: number;
  /** The dtype to compute in, where it is not the result's. */
  readonly via?: DType;
  /** Of integers it may not fit into 32 bits: ONNX Runtime would give the nearest that does, where tfjs keeps the lower bits. */
  readonly mayOverflow?: true;
  /** A maximum or a minimum, in which ONNX Runtime may overlook what is not a number. */
  readonly extremum?: true;
}

const same = (dtype: DType) => dtype;
const notBool = (dtype: DType): DType => (dtype === 'bool' ? 'int32' : dtype);

const rules: readonly ReductionRule[] = [
  { kernel: 'Sum', type: 'ReduceSum', result: notBool, empty: 0, mayOverflow: true },
  { kernel: 'Mean', type: 'ReduceMean', result: () => 'float32', empty: Number.NaN },
  { kernel: 'Max', type: 'ReduceMax', result: same, empty: Number.NEGATIVE_INFINITY, extremum: true },
  { kernel: 'Min', type: 'ReduceMin', result: same, empty: Number.POSITIVE_INFINITY, extremum: true },
  { kernel: 'Prod', type: 'ReduceProd', result: notBool, empty: 1, mayOverflow: true },
  { kernel: 'Any', type: 'ReduceMax', result: () => 'bool', empty: 0, via: 'int32' },
  { kernel: 'All', type: 'ReduceMin', result: () => 'bool', empty: 1, via: 'int32' },
];

/** The axes, which two kernels of tfjs call `reductionIndices`. */
type ReductionAttributes = Partial<SumAttrs> & { reductionIndices?: number | number[] };

function inferReduction(x: TraceValue, attributes: ReductionAttributes, dtype: DType): Inferred {
  const given = (attributes.axis ?? attributes.reductionIndices) as number | number[];
  const axes = util.parseAxisParam(given, [...x.shape]).toSorted((a, b) => a - b);
  const keep = attributes.keepDims === true;
  const shape = keep
    ? x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : x.shape.filter((_, axis) => !axes.includes(axis));
  return { shape, dtype, attributes: { axes, keep } };
}

function lowerReduction(node: TraceNode, lowering: Lowering, rule: ReductionRule): void {
  const x = node.inputs[0]!;
  const output = node.outputs[0]!;
  const axes = node.attributes.axes as readonly number[];
  if (sizeOf(x.shape) === 0) {
    const empty = output.dtype === 'float32' || Number.isFinite(rule.empty) ? rule.empty : 0;
    lowering.define(output, 'last', lowering.filled(empty, output));
    return;
  }
  const imageSum = x.dtype === 'float32' && sumOfPixels(x, axes, lowering);
  if (imageSum && (rule.kernel === 'Sum' || rule.kernel === 'Mean')) {
    const count = sizeOf(x.shape) / sizeOf(output.shape);
    const total = imageSum();
    const result = rule.kernel === 'Mean' ? lowering.op('Mul', [total, lowering.scalar(1 / count)]) : total;
    lowering.define(output, 'last', lowering.reshape(result, output.shape));
    return;
  }
  const wholeImage = x.shape.length === 4 && axes.length === 4;
  const isWide = rule.mayOverflow === true && x.dtype === 'int32';
  const computeIn = isWide ? 'int64' : (rule.via ?? (output.dtype === 'bool' ? 'int32' : output.dtype));
  let value = wholeImage ? lowering.in(lowering.primary(x), x) : lowering.last(x);
  if (x.dtype !== computeIn) value = lowering.cast(value, computeIn);
  if (axes.length > 0) {
    const keepdims = node.attributes.keep ? 1 : 0;
    const reduce = (type: string, name: string) =>
      lowering.op(type, [name, lowering.integers(axes)], { keepdims });
    const whole = value;
    value = reduce(rule.type, whole);
    if (rule.extremum && computeIn === 'float32') {
      const extremum = value;
      value = whereNotANumber(
        lowering,
        whole,
        output,
        () => extremum,
        () => {
          const isLost = lowering.cast(
            reduce('ReduceMax', lowering.cast(notANumber(lowering, whole), 'int32')),
            'bool',
          );
          return lowering.op('Where', [isLost, lowering.scalar(Number.NaN), extremum]);
        },
      );
    }
  }
  lowering.define(output, 'last', output.dtype === computeIn ? value : lowering.cast(value, output.dtype));
}

/** The sum over the pixels (and perhaps the images) of a blocked image, channels kept; null for other reductions. */
function sumOfPixels(x: TraceValue, axes: readonly number[], lowering: Lowering): (() => string) | null {
  if (x.shape.length !== 4 || lowering.primary(x) !== 'blocked') return null;
  const key = axes.join();
  if (key !== '1,2' && key !== '0,1,2') return null;
  const [n, h, w, c] = x.shape as readonly [number, number, number, number];
  return () => {
    const averages = lowering.reshape(lowering.blockedOp('GlobalAveragePool', [lowering.blocked(x)]), [n, c]);
    const perImage = lowering.op('Mul', [averages, lowering.scalar(h * w)]);
    return axes.length === 3 ? lowering.reduceSum(perImage, [0]) : perImage;
  };
}

function lowerPosition(type: 'ArgMax' | 'ArgMin') {
  return (node: TraceNode, lowering: Lowering): void => {
    const x = node.inputs[0]!;
    const value = x.dtype === 'bool' ? lowering.cast(lowering.last(x), 'int32') : lowering.last(x);
    const attributes = { axis: node.attributes.axis as number, keepdims: 0 };
    const output = node.outputs[0]!;
    if (sizeOf(x.shape) === 0) {
      // Among no elements tfjs finds the first.
      lowering.define(output, 'last', lowering.filled(0, output));
      return;
    }
    const find = (name: string) => lowering.cast(lowering.op(type, [name], attributes), 'int32');
    if (x.dtype !== 'float32') {
      lowering.define(output, 'last', find(value));
      return;
    }
    // tfjs passes over what is not a number.
    const worst = lowering.scalar(type === 'ArgMax' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
    const usual = find(value);
    const found = whereNotANumber(
      lowering,
      value,
      output,
      () => usual,
      () => find(lowering.op('Where', [notANumber(lowering, value), worst, value])),
    );
    lowering.define(output, 'last', found);
  };
}

function position(kernel: 'ArgMax' | 'ArgMin'): KernelRow {
  return primitive<ArgMaxAttrs>({
    kernel,
    inputs: ['x'],
    infer([x], attributes) {
      const [axis] = util.parseAxisParam(attributes.axis, [...x!.shape]) as [number];
      return { shape: x!.shape.filter((_, i) => i !== axis), dtype: 'int32', attributes: { axis } };
    },
    lower: lowerPosition(kernel),
  });
}

function positiveAxis(axis: number, shape: Shape): number {
  return axis < 0 ? axis + shape.length : axis;
}

export const reductionKernels: readonly KernelRow[] = [
  ...rules.map((rule) =>
    primitive<ReductionAttributes>({
      kernel: rule.kernel,
      inputs: ['x'],
      infer: ([x], attributes) => inferReduction(x!, attributes, rule.result(x!.dtype)),
      lower: (node, lowering) => lowerReduction(node, lowering, rule),
    }),
  ),
  position('ArgMax'),
  position('ArgMin'),
  primitive<CumsumAttrs>({
    kernel: 'Cumsum',
    inputs: ['x'],
    infer: ([x], { axis, exclusive, reverse }) => ({
      shape: x!.shape,
      dtype: notBool(x!.dtype),
      attributes: {
        axis: positiveAxis(axis, x!.shape),
        exclusive: exclusive === true,
        reverse: reverse === true,
      },
    }),
    lower(node, lowering) {
      const { axis, exclusive, reverse } = node.attributes;
      const x = node.inputs[0]!;
      const value = x.dtype === 'bool' ? lowering.cast(lowering.last(x), 'int32') : lowering.last(x);
      const along = lowering.graph.constant('int64', [], [axis as number]);
      const attributes = { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 };
      const sums = x.shape.length === 0 ? value : lowering.op('CumSum', [value, along], attributes);
      lowering.define(node.outputs[0]!, 'last', sums);
    },
  }),
  primitive<SoftmaxAttrs>({
    kernel: 'Softmax',
    inputs: ['logits'],
    infer: ([x], { dim }) => ({
      shape: x!.shape,
      dtype: 'float32',
      attributes: { axis: positiveAxis(dim, x!.shape) },
    }),
    lower: (node, lowering) => lowerSoftmax(node, lowering, 'Softmax'),
  }),
  primitive<LogSoftmaxAttrs>({
    kernel: 'LogSoftmax',
    inputs: ['logits'],
    infer: ([x], { axis }) => ({
      shape: x!.shape,
      dtype: 'float32',
      attributes: { axis: positiveAxis(axis, x!.shape) },
    }),
    lower: (node, lowering) => lowerSoftmax(node, lowering, 'LogSoftmax'),
  }),
];

function lowerSoftmax(node: TraceNode, lowering: Lowering, type: 'Softmax' | 'LogSoftmax'): void {
  const x = node.inputs[0]!;
  const value = x.dtype === 'float32' ? lowering.last(x) : lowering.cast(lowering.last(x), 'float32');
  lowering.define(
    node.outputs[0]!,
    'last',
    lowering.op(type, [value], { axis: node.attributes.axis as number }),
  );
}
