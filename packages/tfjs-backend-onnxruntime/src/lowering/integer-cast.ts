// Numbers with a fraction as integers, as JavaScript's typed arrays take them, which tfjs follows: towards zero, modulo 2^32, and 0
// for what is not finite. ONNX leaves all but the first open, and processors differ.

import type { DType } from '../trace/trace-graph.ts';
import type { Lowering } from './lowering.ts';

/** float32 -> int32. */
export function truncated(lowering: Lowering, x: string): string {
  const op = (type: string, ...inputs: string[]) => lowering.op(type, inputs);
  const number = (value: number) => lowering.scalar(value);
  // Multiples of 2^32 are taken off, which is exact: from 2^31 on a float32 is a multiple of 2^8, and has no fraction.
  const wraps = op('Floor', op('Add', op('Mul', x, number(2 ** -32)), number(0.5)));
  const rest = op('Sub', x, op('Mul', wraps, number(2 ** 32)));
  const wrapped = op('Where', op('IsNaN', rest), number(0), rest);
  const fits = op('Less', op('Abs', x), number(2 ** 31));
  return lowering.cast(op('Where', fits, x, wrapped), 'int32');
}

/** float32 -> any dtype. */
export function fromFloat(lowering: Lowering, x: string, dtype: DType): string {
  if (dtype === 'float32') return x;
  return dtype === 'int32' ? truncated(lowering, x) : lowering.cast(x, dtype);
}
