// Matrix products. Two matrices become a Gemm, which takes transposed operands as they are; stacks of matrices a
// MatMul with the transposes written out.

import { type BatchMatMulAttrs, backend_util, util } from '@tensorflow/tfjs-core';
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
      util.assert(
        a!.shape.length >= 2 && b!.shape.length >= 2,
        () => `BatchMatMul: expected matrices, found [${a!.shape}] and [${b!.shape}].`,
      );
      const rows = a!.shape.at(transposeA ? -1 : -2)!;
      const columns = b!.shape.at(transposeB ? -2 : -1)!;
      const inner = [a!.shape.at(transposeA ? -2 : -1)!, b!.shape.at(transposeB ? -1 : -2)!];
      util.assert(
        inner[0] === inner[1],
        () =>
          `BatchMatMul: the inner dimensions ${inner.join(' and ')} differ ([${a!.shape}], [${b!.shape}]).`,
      );
      const stack = backend_util.assertAndGetBroadcastShape(stackOf(a!.shape), stackOf(b!.shape));
      return {
        shape: [...stack, rows, columns],
        dtype: a!.dtype === 'float32' || b!.dtype === 'float32' ? 'float32' : 'int32',
        attributes: { transposeA: transposeA === true, transposeB: transposeB === true },
      };
    },
    lower(node, lowering) {
      const [a, b] = node.inputs as [TraceValue, TraceValue];
      const output = node.outputs[0]!;
      const { transposeA, transposeB } = node.attributes;
      const operand = (x: TraceValue) =>
        x.dtype === output.dtype ? lowering.last(x) : lowering.cast(lowering.last(x), output.dtype);
      const isSingle = sizeOf(stackOf(a.shape)) === 1 && sizeOf(stackOf(b.shape)) === 1;
      // ONNX Runtime has no Gemm of integers.
      if (isSingle && output.dtype === 'float32') {
        const product = lowering.product(
          'Gemm',
          [lowering.reshape(operand(a), a.shape.slice(-2)), lowering.reshape(operand(b), b.shape.slice(-2))],
          { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 },
        );
        lowering.define(output, 'last', lowering.reshape(product, output.shape));
        return;
      }
      const oriented = (x: TraceValue, transposed: boolean) =>
        transposed ? lowering.transpose(operand(x), swapLast(x.shape.length)) : operand(x);
      const operands = [oriented(a, transposeA as boolean), oriented(b, transposeB as boolean)] as const;
      const product =
        output.dtype === 'float32' ? lowering.product('MatMul', operands) : lowering.op('MatMul', operands);
      lowering.define(output, 'last', product);
    },
    properties: { isSumOfProducts: true },
  }),
];
