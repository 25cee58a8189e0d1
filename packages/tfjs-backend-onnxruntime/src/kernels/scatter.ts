// Kernels that put or add numbers at places that indices tell. All of them are ONNX's ScatterElements on a matrix of
// rows: it goes through the updates in their order, so sums have the same bits in every run (ScatterND shares the
// updates out among threads).

import {
  type BincountAttrs,
  type DenseBincountAttrs,
  type ScatterNdAttrs,
  type SparseToDenseAttrs,
  type UnsortedSegmentSumAttrs,
  util,
} from '@tensorflow/tfjs-core';
import type { Lowering } from '../lowering/lowering.ts';
import { type Shape, sizeOf, type TraceNode, type TraceValue, type ValueType } from '../trace/trace-graph.ts';
import { checkVectors } from './indexing.ts';
import { type Inferred, type KernelRow, primitive } from './kernel-row.ts';

/** Puts `updates` [n, width] into the rows `rows` (int64 [n]) of `base` [height, width]; adds if told so. */
function scatterRows(
  lowering: Lowering,
  base: string,
  rows: string,
  updates: string,
  size: { count: number; width: number },
  add: boolean,
): string {
  const everywhere = lowering.op('Expand', [
    lowering.reshape(rows, [size.count, 1]),
    lowering.integers([size.count, size.width]),
  ]);
  return lowering.op('ScatterElements', [base, everywhere, updates], {
    axis: 0,
    ...(add ? { reduction: 'add' } : {}),
  });
}

/** The numbers (int64) of the rows that index vectors of length `depth` over `shape` mean. */
function rowNumbers(lowering: Lowering, indices: TraceValue, depth: number, shape: Shape): string {
  const count = sizeOf(indices.shape) / depth;
  const strides = Array.from({ length: depth }, (_, i) => sizeOf(shape.slice(i + 1, depth)));
  const vectors = lowering.reshape(lowering.cast(lowering.last(indices), 'int64'), [count, depth]);
  const terms = lowering.op('Mul', [vectors, lowering.integers(strides)]);
  return lowering.reduceSum(terms, [1]);
}

/** How many indices mean a place; of a list each means a row. */
function depthOf({ shape }: TraceValue): number {
  return shape.length > 1 ? shape.at(-1)! : 1;
}

/** The type of a result, once it is seen that the indices, if they are known, mean places in it. */
function scatteredInto({ shape, dtype }: ValueType, indices: TraceValue): Inferred {
  if (sizeOf(shape) > 0) checkVectors(indices, depthOf(indices), shape);
  return { shape, dtype };
}

/** Scatters inputs `indices` and `updates` into `base`, a matrix of the output's elements. */
function lowerScatter(
  node: TraceNode,
  lowering: Lowering,
  at: { indices: TraceValue; updates: TraceValue },
  base: (matrix: Shape) => string,
  add: boolean,
): void {
  const output = node.outputs[0]!;
  const depth = depthOf(at.indices);
  const count = sizeOf(at.indices.shape) / depth;
  const width = sizeOf(output.shape.slice(depth));
  const matrix = [sizeOf(output.shape.slice(0, depth)), width];
  if (count === 0) {
    lowering.define(output, 'last', lowering.reshape(base(matrix), output.shape));
    return;
  }
  const rows = rowNumbers(lowering, at.indices, depth, output.shape);
  const updates =
    sizeOf(at.updates.shape) === count * width
      ? lowering.reshape(lowering.last(at.updates), [count, width])
      : lowering.op('Expand', [lowering.last(at.updates), lowering.integers([count, width])]);
  const viaInteger = output.dtype === 'bool';
  const as = (name: string) => (viaInteger ? lowering.cast(name, 'int32') : name);
  const scattered = scatterRows(lowering, as(base(matrix)), rows, as(updates), { count, width }, add);
  const result = lowering.reshape(scattered, output.shape);
  lowering.define(output, 'last', viaInteger ? lowering.cast(result, 'bool') : result);
}

function zeros(lowering: Lowering, { dtype }: TraceValue) {
  return (matrix: Shape) => lowering.filled(0, { shape: matrix, dtype });
}

/** Counts or sums of values by their number; what is no number of a place is left out. */
function lowerSegments(
  node: TraceNode,
  lowering: Lowering,
  segments: { ids: string; count: number; places: number; width: number; updates: string },
): void {
  const { count, places, width } = segments;
  const output = node.outputs[0]!;
  // One row more than there are places takes what belongs nowhere.
  const nowhere = lowering.scalar(places, 'int64');
  const isOutside = lowering.op('Or', [
    lowering.op('Less', [segments.ids, lowering.scalar(0, 'int64')]),
    lowering.op('Greater', [segments.ids, nowhere]),
  ]);
  const rows = lowering.op('Where', [isOutside, nowhere, segments.ids]);
  const base = lowering.filled(0, { shape: [places + 1, width], dtype: output.dtype });
  const sums = scatterRows(lowering, base, rows, segments.updates, { count, width }, true);
  lowering.define(output, 'last', lowering.reshape(lowering.slice(sums, [0], [places], [0]), output.shape));
}

function bincount(kernel: 'Bincount' | 'DenseBincount'): KernelRow {
  return primitive<BincountAttrs | DenseBincountAttrs>({
    kernel,
    inputs: ['x', 'weights'],
    infer([x, weights], attributes) {
      const isDense = kernel === 'DenseBincount' && x!.shape.length === 2;
      util.assert(
        isDense || kernel === 'Bincount' || x!.shape.length === 1,
        () => `DenseBincount: the rank of the input is ${x!.shape.length}; 1 or 2 is expected.`,
      );
      // Where the numbers are not known yet, negative ones count for nothing.
      for (const value of x!.tensor?.data ?? []) {
        util.assert(value >= 0, () => `${kernel}: values are 0 or more, found ${value}.`);
      }
      const isBinary = isDense && 'binaryOutput' in attributes && attributes.binaryOutput === true;
      return {
        shape: isDense ? [x!.shape[0]!, attributes.size] : [attributes.size],
        dtype: weights!.dtype,
        attributes: { isBinary },
      };
    },
    lower(node, lowering) {
      const [x, weights] = node.inputs as [TraceValue, TraceValue];
      const output = node.outputs[0]!;
      const size = output.shape.at(-1)!;
      const count = sizeOf(x.shape);
      if (count === 0) {
        lowering.define(output, 'last', lowering.filled(0, output));
        return;
      }
      const lines = output.shape.length === 2 ? output.shape[0]! : 1;
      const values = lowering.cast(lowering.last(x), 'int64');
      // A value beyond the size must not fall into the next line, nor a negative one into the line before.
      const isBeyond = lowering.op('Or', [
        lowering.op('GreaterOrEqual', [values, lowering.scalar(size, 'int64')]),
        lowering.op('Less', [values, lowering.scalar(0, 'int64')]),
      ]);
      const inLine = lowering.op('Where', [isBeyond, lowering.scalar(lines * size, 'int64'), values]);
      const first = Array.from({ length: lines }, (_, line) => line * size);
      const offsets = lowering.graph.constant('int64', [lines, 1], first);
      const byLine = lowering.reshape(inLine, [lines, count / lines]);
      const ids = lowering.reshape(lowering.op('Add', [byLine, offsets]), [count]);
      const isWeighted = sizeOf(weights.shape) > 0 && !node.attributes.isBinary;
      const updates = isWeighted
        ? lowering.reshape(lowering.last(weights), [count, 1])
        : lowering.filled(1, { shape: [count, 1], dtype: output.dtype });
      lowerSegments(node, lowering, { ids, count, places: lines * size, width: 1, updates });
      if (!node.attributes.isBinary) return;
      lowering.define(
        output,
        'last',
        lowering.op('Min', [lowering.last(output), lowering.scalar(1, output.dtype)]),
      );
    },
  });
}

export const scatterKernels: readonly KernelRow[] = [
  primitive<ScatterNdAttrs>({
    kernel: 'ScatterNd',
    inputs: ['indices', 'updates'],
    infer: ([indices, updates], { shape }) => scatteredInto({ shape, dtype: updates!.dtype }, indices!),
    lower(node, lowering) {
      const [indices, updates] = node.inputs as [TraceValue, TraceValue];
      lowerScatter(node, lowering, { indices, updates }, zeros(lowering, node.outputs[0]!), true);
    },
  }),
  primitive({
    kernel: 'TensorScatterUpdate',
    inputs: ['tensor', 'indices', 'updates'],
    infer: ([tensor, indices]) => scatteredInto(tensor!, indices!),
    lower(node, lowering) {
      const [tensor, indices, updates] = node.inputs as [TraceValue, TraceValue, TraceValue];
      const base = (matrix: Shape) => lowering.reshape(lowering.last(tensor), matrix);
      lowerScatter(node, lowering, { indices, updates }, base, false);
    },
  }),
  primitive<SparseToDenseAttrs>({
    kernel: 'SparseToDense',
    inputs: ['sparseIndices', 'sparseValues', 'defaultValue'],
    infer: ([indices, values], { outputShape }) =>
      scatteredInto({ shape: outputShape, dtype: values!.dtype }, indices!),
    lower(node, lowering) {
      const [indices, updates, defaultValue] = node.inputs as [TraceValue, TraceValue, TraceValue];
      const base = (matrix: Shape) =>
        lowering.op('Expand', [lowering.last(defaultValue), lowering.integers(matrix)]);
      lowerScatter(node, lowering, { indices, updates }, base, false);
    },
  }),
  primitive<UnsortedSegmentSumAttrs>({
    kernel: 'UnsortedSegmentSum',
    inputs: ['x', 'segmentIds'],
    infer([x, ids], { numSegments }) {
      util.assert(
        ids!.shape.length === 1 && ids!.shape[0] === x!.shape[0],
        () =>
          `UnsortedSegmentSum: expected a segment for each of ${x!.shape[0]} rows, found [${ids!.shape}].`,
      );
      return { shape: [numSegments, ...x!.shape.slice(1)], dtype: x!.dtype === 'bool' ? 'int32' : x!.dtype };
    },
    lower(node, lowering) {
      const [x, segmentIds] = node.inputs as [TraceValue, TraceValue];
      const output = node.outputs[0]!;
      const count = x.shape[0]!;
      if (count === 0) {
        lowering.define(output, 'last', lowering.filled(0, output));
        return;
      }
      const width = sizeOf(x.shape.slice(1));
      const values = x.dtype === 'bool' ? lowering.cast(lowering.last(x), 'int32') : lowering.last(x);
      lowerSegments(node, lowering, {
        ids: lowering.cast(lowering.last(segmentIds), 'int64'),
        count,
        places: output.shape[0]!,
        width,
        updates: lowering.reshape(values, [count, width]),
      });
    },
  }),
  bincount('Bincount'),
  bincount('DenseBincount'),
  primitive({
    kernel: 'Diag',
    inputs: ['x'],
    infer: ([x]) => ({ shape: [...x!.shape, ...x!.shape], dtype: x!.dtype }),
    lower(node, lowering) {
      const x = node.inputs[0]!;
      const output = node.outputs[0]!;
      const size = sizeOf(x.shape);
      const numbers = Array.from({ length: size }, (_, i) => i);
      const isDiagonal = lowering.op('Equal', [
        lowering.graph.constant('int32', [size, 1], numbers),
        lowering.graph.constant('int32', [size], numbers),
      ]);
      const dtype = output.dtype === 'bool' ? 'int32' : output.dtype;
      const row = lowering.reshape(lowering.last(x), [size]);
      const values = output.dtype === 'bool' ? lowering.cast(row, dtype) : row;
      const matrix = lowering.op('Where', [isDiagonal, values, lowering.scalar(0, dtype)]);
      const result = lowering.reshape(matrix, output.shape);
      lowering.define(output, 'last', output.dtype === 'bool' ? lowering.cast(result, 'bool') : result);
    },
  }),
];
