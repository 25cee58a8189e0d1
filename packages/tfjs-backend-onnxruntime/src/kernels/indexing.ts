// Kernels that pick elements by index.

import { type GatherV2Attrs, type OneHotAttrs, util } from '@tensorflow/tfjs-core';
import { OnnxRuntimeBackendError } from '../errors.ts';
import type { TraceValue } from '../trace/trace-graph.ts';
import { asDType } from './dtype.ts';
import { type KernelRow, primitive } from './kernel-row.ts';

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
      if (batchDims) {
        throw new OnnxRuntimeBackendError(
          'unsupported-attribute',
          `GatherV2: batchDims is ${batchDims}, this backend takes 0; gather each batch by itself.`,
          { op: 'GatherV2' },
        );
      }
      return {
        shape: [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)],
        dtype: x!.dtype,
        attributes: { axis },
      };
    },
    lower(node, lowering) {
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
    infer: ([params, indices]) => ({
      shape: [...indices!.shape.slice(0, -1), ...params!.shape.slice(indices!.shape.at(-1)!)],
      dtype: params!.dtype,
    }),
    lower(node, lowering) {
      const [params, indices] = node.inputs as [TraceValue, TraceValue];
      const positions = lowering.cast(lowering.last(indices), 'int64');
      lowering.define(node.outputs[0]!, 'last', lowering.op('GatherND', [lowering.last(params), positions]));
    },
  }),
];
