// Kernels that pick elements by index. Where the indices are known while tracing, one that is out of range is refused at
// the call; otherwise ONNX Runtime refuses it when the graph runs (and takes a negative one as counted from the end).

import { backend_util, type GatherV2Attrs, gather_util, type OneHotAttrs, util } from '@tensorflow/tfjs-core';
import type { Lowering } from '../lowering/lowering.ts';
import { type Shape, sizeOf, type TraceNode, type TraceValue } from '../trace/trace-graph.ts';
import { asDType } from './dtype.ts';
import { type KernelRow, primitive } from './kernel-row.ts';

/** Throws if the numbers of `indices` are known and one is not in [0, size). */
function checkRange(kernel: string, indices: TraceValue, size: number): void {
  for (const index of indices.tensor?.data ?? []) {
    util.assert(
      index >= 0 && index < size,
      () => `${kernel}: the index value ${index} is not in [0, ${size - 1}]`,
    );
  }
}

/**
 * The same of vectors of `depth` indices into `shape`, in tfjs's words and by its measure: the number of the row that a vector means
 * is looked at, not each index.
 */
export function checkVectors({ tensor }: TraceValue, depth: number, shape: Shape): void {
  const rows = sizeOf(shape.slice(0, depth));
  const strides = Array.from({ length: depth }, (_, i) => sizeOf(shape.slice(i + 1, depth)));
  const indices = tensor?.data ?? [];
  for (let start = 0; start < indices.length; start += depth) {
    const row = strides.reduce((sum, stride, i) => sum + stride * indices[start + i]!, 0);
    if (row >= 0 && row < rows) continue;
    throw new Error(`Invalid indices: ${indices.slice(start, start + depth)} does not index into ${shape}`);
  }
}

/** Gathers with indices of their own for each batch: batches and positions together number the rows to pick. */
function lowerBatchedGather(node: TraceNode, lowering: Lowering): void {
  const [x, indices] = node.inputs as [TraceValue, TraceValue];
  const axis = node.attributes.axis as number;
  const batchDims = node.attributes.batchDims as number;
  const batches = sizeOf(x.shape.slice(0, batchDims));
  const outer = sizeOf(x.shape.slice(batchDims, axis));
  const size = x.shape[axis]!;
  const slice = sizeOf(x.shape.slice(axis + 1));
  const picks = sizeOf(indices.shape) / batches;
  const apart = lowering.reshape(lowering.last(x), [batches, outer, size, slice]);
  const rows = lowering.reshape(lowering.transpose(apart, [0, 2, 1, 3]), [batches * size, outer * slice]);
  const first = Array.from({ length: batches }, (_, batch) => batch * size);
  const positions = lowering.op('Add', [
    lowering.reshape(lowering.cast(lowering.last(indices), 'int64'), [batches, picks]),
    lowering.graph.constant('int64', [batches, 1], first),
  ]);
  const picked = lowering.op('Gather', [rows, positions], { axis: 0 });
  const together = lowering.transpose(lowering.reshape(picked, [batches, picks, outer, slice]), [0, 2, 1, 3]);
  const output = node.outputs[0]!;
  lowering.define(output, 'last', lowering.reshape(together, output.shape));
}

export const indexingKernels: readonly KernelRow[] = [
  primitive<OneHotAttrs & { dtype?: 'float32' | 'int32' | 'bool' }>({
    kernel: 'OneHot',
    inputs: ['indices'],
    infer: ([indices], { depth, onValue, offValue, dtype }) => ({
      shape: [...indices!.shape, depth],
      dtype: asDType(dtype ?? 'int32', 'OneHot'),
      attributes: { onValue, offValue },
    }),
    // ONNX Runtime has no int32 OneHot: compare each index with 0..depth-1.
    lower(node, lowering) {
      const { onValue, offValue } = node.attributes as { onValue: number; offValue: number };
      const output = node.outputs[0]!;
      const depth = output.shape.at(-1)!;
      const indices = lowering.reshape(lowering.last(node.inputs[0]!), [...node.inputs[0]!.shape, 1]);
      const classes = lowering.graph.constant(
        'int32',
        [depth],
        Array.from({ length: depth }, (_, i) => i),
      );
      const hit = lowering.op('Equal', [lowering.cast(indices, 'int32'), classes]);
      const dtype = output.dtype === 'bool' ? 'int32' : output.dtype;
      const hot = lowering.op('Where', [
        hit,
        lowering.scalar(onValue, dtype),
        lowering.scalar(offValue, dtype),
      ]);
      lowering.define(output, 'last', output.dtype === 'bool' ? lowering.cast(hot, 'bool') : hot);
    },
  }),
  primitive<GatherV2Attrs>({
    kernel: 'GatherV2',
    inputs: ['x', 'indices'],
    infer([x, indices], { axis: givenAxis, batchDims }) {
      const [axis] = util.parseAxisParam(givenAxis, [...x!.shape]) as [number];
      // Only the shapes of the two are looked at.
      const shapes = [x, indices] as unknown as [never, never];
      const { outputShape } = backend_util.segment_util.collectGatherOpShapeInfo(
        ...shapes,
        axis,
        batchDims ?? 0,
      );
      checkRange('GatherV2', indices!, x!.shape[axis]!);
      const positiveBatchDims = batchDims < 0 ? batchDims + indices!.shape.length : (batchDims ?? 0);
      return {
        shape: outputShape,
        dtype: x!.dtype,
        attributes: positiveBatchDims > 0 ? { axis, batchDims: positiveBatchDims } : { axis },
      };
    },
    lower(node, lowering) {
      if (node.attributes.batchDims !== undefined) {
        lowerBatchedGather(node, lowering);
        return;
      }
      const [x, indices] = node.inputs as [TraceValue, TraceValue];
      const positions = lowering.cast(lowering.last(indices), 'int32');
      const picked = lowering.op('Gather', [lowering.last(x), positions], {
        axis: node.attributes.axis as number,
      });
      lowering.define(node.outputs[0]!, 'last', picked);
    },
  }),
  primitive({
    kernel: 'GatherNd',
    inputs: ['params', 'indices'],
    infer([params, indices]) {
      const [shape] = gather_util.prepareAndValidate(params as never, indices as never);
      checkVectors(indices!, indices!.shape.at(-1)!, params!.shape);
      return { shape, dtype: params!.dtype };
    },
    lower(node, lowering) {
      const [params, indices] = node.inputs as [TraceValue, TraceValue];
      const positions = lowering.cast(lowering.last(indices), 'int64');
      lowering.define(node.outputs[0]!, 'last', lowering.op('GatherND', [lowering.last(params), positions]));
    },
  }),
];
