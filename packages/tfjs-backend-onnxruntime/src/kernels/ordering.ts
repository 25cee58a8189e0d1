// The largest elements of each row, and running products.

import { type CumprodAttrs, type TopKAttrs, util } from '@tensorflow/tfjs-core';
import type { TraceValue } from '../trace/trace-graph.ts';
import { composed, type KernelRow, primitive, required, traceMany, traceOp } from './kernel-row.ts';

const topK = traceOp('TopK', (node, lowering) => {
  const [x] = node.inputs as [TraceValue];
  const [values, indices] = node.outputs as [TraceValue, TraceValue];
  const k = lowering.integers([node.attributes.k as number]);
  const numbers = x.dtype === 'bool' ? lowering.cast(lowering.last(x), 'int32') : lowering.last(x);
  // Sorted always: of equal elements tfjs wants the first, which an unsorted selection does not promise.
  const attributes = { axis: -1, largest: 1, sorted: 1 };
  const [largest, positions] = lowering.graph.ops('TopK', [numbers, k], 2, attributes) as [string, string];
  lowering.define(values, 'last', x.dtype === 'bool' ? lowering.cast(largest, 'bool') : largest);
  lowering.define(indices, 'last', lowering.cast(positions, 'int32'));
});

export const orderingKernels: readonly KernelRow[] = [
  composed<TopKAttrs>('TopK', (call, { k }) => {
    const x = required(call, 'x');
    const shape = [...x.shape.slice(0, -1), k];
    const types = [
      { shape, dtype: x.dtype },
      { shape, dtype: 'int32' as const },
    ];
    return traceMany(topK, [x], types, { k });
  }),
  primitive<CumprodAttrs>({
    kernel: 'Cumprod',
    inputs: ['x'],
    infer([x], { axis: givenAxis, exclusive, reverse }) {
      const [axis] = util.parseAxisParam(givenAxis, [...x!.shape]) as [number];
      const dtype = x!.dtype === 'bool' ? 'int32' : x!.dtype;
      return {
        shape: x!.shape,
        dtype,
        attributes: { axis, exclusive: exclusive === true, reverse: reverse === true },
      };
    },
    // ONNX has no such operator: after step k each element is the product of the 2^k elements that end with it.
    lower(node, lowering) {
      const x = node.inputs[0]!;
      const output = node.outputs[0]!;
      const { exclusive, reverse } = node.attributes;
      const axis = node.attributes.axis as number;
      const size = x.shape[axis]!;
      const one = lowering.scalar(1, output.dtype);
      /** Moved on by `distance` places, ones following. */
      const shifted = (name: string, distance: number) => {
        const pads = new Array<number>(2 * x.shape.length).fill(0);
        pads[axis + (reverse ? x.shape.length : 0)] = distance;
        const [begin, end] = reverse ? [distance, size] : [0, size - distance];
        return lowering.op('Pad', [
          lowering.slice(name, [begin], [end], [axis]),
          lowering.integers(pads),
          one,
        ]);
      };
      let product = x.dtype === 'bool' ? lowering.cast(lowering.last(x), 'int32') : lowering.last(x);
      if (exclusive) product = shifted(product, 1);
      for (let distance = 1; distance < size; distance *= 2) {
        product = lowering.op('Mul', [product, shifted(product, distance)]);
      }
      lowering.define(output, 'last', product);
    },
  }),
];
