// Matrix products. Two matrices become a Gemm, which takes transposed operands as they are; stacks of matrices a
// MatMul with the transposes written out.

import { type BatchMatMulAttrs, backend_util } from '@tensorflow/tfjs-core';
import { type Shape, sizeOf, type TraceValue } from '../trace/trace-graph.ts';
import { type KernelRow, primitive } from './kernel-row.ts';

function swapLast(rank: number): number[] {
  const perm = Array.from({ length: rank }, (_, i) => i);
  perm[rank - 1] = rank - 2;
  perm[rank - 2] = rank - 1;
  return perm;
}

function stackOf(shape: Shape): number[] {
  return shape.slice(0, -2);
}

export const matmulKernels: readonly KernelRow[] = [
  primitive<BatchMatMulAttrs>({
    kernel: 'BatchMatMul',
    inputs: ['a', 'b'],
    infer([a, b], { transposeA, transposeB }) {
      const rows = a!.shape.at(transposeA ? -1 : -2)!;
      const columns = b!.shape.at(transposeB ? -2 : -1)!;
      const stack = backend_util.assertAndGetBroadcastShape(stackOf(a!.shape), stackOf(b!.shape));
      return {
        shape: [...stack, rows, columns],
        dtype: 'float32',
        attributes: { transposeA: transposeA === true, transposeB: transposeB === true },
      };
    },
    lower(node, lowering) {
      const [a, b] = node.inputs as [TraceValue, TraceValue];
      const output = node.outputs[0]!;
      const { transposeA, transposeB } = node.attributes;
      const operand = (x: TraceValue) =>
        x.dtype === 'float32' ? lowering.last(x) : lowering.cast(lowering.last(x), 'float32');
      if (a.shape.at(transposeA ? -2 : -1) === 0) {
        lowering.define(output, 'last', lowering.filled(0, output));
        return;
      }
      if (sizeOf(stackOf(a.shape)) === 1 && sizeOf(stackOf(b.shape)) === 1) {
        const product = lowering.op(
          'Gemm',
          [lowering.reshape(operand(a), a.shape.slice(-2)), lowering.reshape(operand(b), b.shape.slice(-2))],
          { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 },
        );
        lowering.define(output, 'last', lowering.reshape(product, output.shape));
        return;
      }
      const oriented = (x: TraceValue, transposed: boolean) =>
        transposed ? lowering.transpose(operand(x), swapLast(x.shape.length)) : operand(x);
      const product = lowering.op('MatMul', [
        oriented(a, transposeA as boolean),
        oriented(b, transposeB as boolean),
      ]);
      lowering.define(output, 'last', product);
    },
  }),
];
