// Maxima of numbers among which some are none. ONNX Runtime's may overlook what is not a number, or a maximum beside it. To look
// for such elements one by one would cost more than the maximum itself, so it is seen in the sum of all whether there are any.

import type { ValueType } from '../trace/trace-graph.ts';
import type { Lowering } from './lowering.ts';

/** Of each element of a float32 tensor. */
export function notANumber(lowering: Lowering, x: string): string {
  return lowering.op('IsNaN', [x]);
}

/**
 * What `usual` gives, unless `x` holds something that is not a number; then what `careful` gives. (Opposite infinities make the sum
 * not-a-number, too: that costs time and nothing else.)
 */
export function whereNotANumber(
  lowering: Lowering,
  x: string,
  type: ValueType,
  usual: () => string,
  careful: () => string,
): string {
  const total = lowering.op('ReduceSum', [x], { keepdims: 0 });
  return lowering.conditional(notANumber(lowering, total), careful, usual, type);
}

/** Of nothing but infinities below zero, ONNX Runtime finds the least finite number for the maximum: here it is -Infinity again. */
export function nothingAsInfinity(lowering: Lowering, maxima: string): string {
  const isNothing = lowering.op('LessOrEqual', [maxima, lowering.scalar(-3.4028234663852886e38)]);
  return lowering.op('Where', [isNothing, lowering.scalar(Number.NEGATIVE_INFINITY), maxima]);
}

/**
 * The maxima that `pool` takes of windows of `x`, a float32 tensor, passing over what is not a number, as tfjs does. Of nothing
 * else the maximum is -Infinity.
 *
 * @param type of the result, in the memory layout in which `pool` gives it
 */
export function maximaOfNumbers(
  lowering: Lowering,
  x: string,
  type: ValueType,
  pool: (x: string) => string,
): string {
  const careful = () => {
    const nothing = lowering.scalar(Number.NEGATIVE_INFINITY);
    return nothingAsInfinity(lowering, pool(lowering.op('Where', [notANumber(lowering, x), nothing, x])));
  };
  return whereNotANumber(lowering, x, type, () => pool(x), careful);
}
