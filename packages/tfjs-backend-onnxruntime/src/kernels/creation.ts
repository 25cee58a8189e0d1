// Kernels that make tensors out of numbers. A number from JavaScript becomes an input of the compiled graph; only
// zeros and ones, which tfjs itself asks for by the kernel, are known to the graph (and often cancel in it).

import type { FillAttrs, LinSpaceAttrs, RangeAttrs } from '@tensorflow/tfjs-core';
import type { HostValues } from '../runtime/native-binding.ts';
import { type DType, type Shape, sizeOf, type TraceValue, trace } from '../trace/trace-graph.ts';
import { asDType } from './dtype.ts';
import { composed, type KernelCall, type KernelRow, required, traceOp } from './kernel-row.ts';

const uniform = traceOp('Fill', (node, lowering) => {
  const output = node.outputs[0]!;
  const value = node.attributes.value as number;
  lowering.postpone(output, () => lowering.filled(value, output), { uniform: value });
});

const repeated = traceOp('Fill', (node, lowering) => {
  const [number] = node.inputs as [TraceValue];
  const output = node.outputs[0]!;
  if (output.shape.length === 0) lowering.alias(output, number);
  else {
    const expand = () => lowering.op('Expand', [lowering.last(number), lowering.integers(output.shape)]);
    lowering.postpone(output, expand, { broadcastOf: number });
  }
});

// What fills a vector is often the first value of a variable. As numbers, not as an operation, it leaves the first
// training step with the graph of all the others: one compilation, and the memory of one session.
const smallFill = 2 ** 16;

function filled(call: KernelCall, value: number, shape: Shape, dtype: DType): TraceValue {
  if (sizeOf(shape) <= smallFill) return call.leaf(zeros(shape, dtype).fill(value), shape, dtype);
  if (value === 0 || value === 1) return trace(uniform, [], { shape, dtype }, { value });
  return trace(repeated, [call.number(value, dtype)], { shape, dtype });
}

function like(kernel: string, value: 0 | 1): KernelRow {
  return composed(kernel, (call) => {
    const { shape, dtype } = call.tensors.x!;
    const type = { shape, dtype: asDType(dtype, kernel) };
    // Zeros like a variable are how an optimiser's state begins: numbers, for the same reason.
    if (value === 0 && required(call, 'x').producer === null) {
      return call.leaf(zeros(shape, type.dtype), shape, type.dtype);
    }
    return trace(uniform, [], type, { value });
  });
}

function zeros(shape: Shape, dtype: DType): HostValues {
  const size = sizeOf(shape);
  if (dtype === 'float32') return new Float32Array(size);
  return dtype === 'int32' ? new Int32Array(size) : new Uint8Array(size);
}

function sequence(start: number, step: number, length: number, dtype: DType): Float32Array | Int32Array {
  const numbers = dtype === 'int32' ? new Int32Array(length) : new Float32Array(length);
  for (let i = 0; i < length; i++) numbers[i] = start + i * step;
  return numbers;
}

export const creationKernels: readonly KernelRow[] = [
  composed<FillAttrs>('Fill', (call, { shape, value, dtype }) => {
    const inferred =
      dtype ?? (typeof value === 'string' ? 'string' : typeof value === 'boolean' ? 'bool' : 'float32');
    return filled(call, Number(value), shape, asDType(inferred, 'Fill'));
  }),
  like('ZerosLike', 0),
  like('OnesLike', 1),
  composed<RangeAttrs>('Range', (call, { start, stop, step, dtype }) => {
    const target = asDType(dtype ?? 'float32', 'Range');
    // A step of one, which is tfjs's default, turns round by itself; any other must lead from start to stop.
    const towards = step === 1 && stop < start ? -1 : step;
    const isEmpty = start === stop || (stop - start) * towards < 0;
    const length = isEmpty ? 0 : Math.ceil(Math.abs((stop - start) / towards));
    return call.leaf(sequence(start, towards, length, target), [length], target);
  }),
  composed<LinSpaceAttrs>('LinSpace', (call, { start, stop, num }) =>
    call.leaf(sequence(start, num > 1 ? (stop - start) / (num - 1) : 0, num, 'float32'), [num], 'float32'),
  ),
];
