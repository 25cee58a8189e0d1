// Sums of products in float16, inside a graph whose values are all float32: both operands are rounded, the operator runs, and its
// result is widened again. What providers sum in is theirs (float32, on the GPUs that have it in hardware).
//
// The CPU has no such operators, and ONNX Runtime takes casts there and back again out of a graph, so there it is emulated: operands
// and result are rounded to the bits of a float16 by arithmetic, and the operator runs in float32.
//
// Float16 has a narrow range: nothing above 65,504, few bits below 6e-5, where gradients usually are. So each operand is first divided by
// the power of two that brings its largest magnitude to a quarter or less, and the result multiplied by both: exact, since only
// exponents change. A sum of a million products of two quarters still fits. This is what a "loss scale" is for in frameworks that
// compute whole networks in float16; here the training loop has none to choose.

import type { Attributes } from '../onnx/graph.ts';
import type { Lowering } from './lowering.ts';

export function halfPrecisionProduct(
  lowering: Lowering,
  type: string,
  operands: readonly [string, string],
  attributes: Attributes | undefined,
  isEmulated: boolean,
): string {
  const narrowed = (name: string) =>
    isEmulated ? roundedToHalf(lowering, name) : lowering.cast(name, 'float16');
  const scales = operands.map((name) => scaleOf(lowering, name));
  const narrow = operands.map((name, i) => narrowed(lowering.op('Div', [name, scales[i]!])));
  const result = lowering.op(type, narrow, attributes);
  const wide = isEmulated ? roundedToHalf(lowering, result) : lowering.cast(result, 'float32');
  // One after the other: the product of both may be out of float32's range where the result is not.
  return lowering.op('Mul', [lowering.op('Mul', [wide, scales[0]!]), scales[1]!]);
}

/** Of the 24 bits of a float32 the upper 11 (Veltkamp's splitting, in Dekker, 1971). */
function roundedToHalf(lowering: Lowering, name: string): string {
  const shifted = lowering.op('Mul', [name, lowering.scalar(2 ** 13 + 1)]);
  return lowering.op('Sub', [shifted, lowering.op('Sub', [shifted, name])]);
}

/** Of a tensor without any magnitude: any number that can be divided by. */
const smallestMagnitude = 1e-30;

/** The power of two that is at least four times, at most eight times, the largest magnitude. */
function scaleOf(lowering: Lowering, name: string): string {
  const op = (operator: string, ...inputs: string[]) => lowering.op(operator, inputs);
  const largest = lowering.op('ReduceMax', [name], { keepdims: 0 });
  const smallest = lowering.op('ReduceMin', [name], { keepdims: 0 });
  const magnitude = op('Max', largest, op('Neg', smallest), lowering.scalar(smallestMagnitude));
  const exponent = op('Ceil', op('Mul', op('Log', magnitude), lowering.scalar(Math.LOG2E)));
  return op('Pow', lowering.scalar(2), op('Add', exponent, lowering.scalar(2)));
}
