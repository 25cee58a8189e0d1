// Filters as the blocked convolutions want them. tfjs stores [height, width, in, out]; ONNX Runtime wants blocks of
// output channels innermost and, when the input is blocked too, blocks of input channels around them. Its own
// optimiser permutes constant weights once; in training they change in every step, so the permutation is in the graph.

import type { Lowering } from './lowering.ts';

export type KernelSize = readonly [number, number];

/** [kh,kw,I,O] -> OIHWBiBo, for a blocked input. */
export function blockedFilter(
  lowering: Lowering,
  filter: string,
  inputs: number,
  outputs: number,
  [kh, kw]: KernelSize,
) {
  const b = lowering.blockSize;
  const split = lowering.reshape(filter, [kh, kw, inputs / b, b, outputs / b, b]);
  return lowering.reshape(lowering.transpose(split, [4, 2, 0, 1, 3, 5]), [outputs, inputs, kh, kw]);
}

/** [kh,kw,I,O] -> OIHWBo, for an input with fewer channels than a block, which stays in NCHW. */
export function narrowFilter(
  lowering: Lowering,
  filter: string,
  inputs: number,
  outputs: number,
  [kh, kw]: KernelSize,
) {
  const b = lowering.blockSize;
  const split = lowering.reshape(filter, [kh, kw, inputs, outputs / b, b]);
  return lowering.reshape(lowering.transpose(split, [3, 2, 0, 1, 4]), [outputs, inputs, kh, kw]);
}

/** [kh,kw,I,O] -> the blocked filter that maps O channels back to I. */
export function blockedTransposedFilter(
  lowering: Lowering,
  filter: string,
  inputs: number,
  outputs: number,
  [kh, kw]: KernelSize,
) {
  const b = lowering.blockSize;
  const split = lowering.reshape(filter, [kh, kw, inputs / b, b, outputs / b, b]);
  return lowering.reshape(lowering.transpose(split, [2, 4, 0, 1, 5, 3]), [inputs, outputs, kh, kw]);
}

/** [kh,kw,C,1] -> the blocked depthwise filter. */
export function blockedDepthwiseFilter(
  lowering: Lowering,
  filter: string,
  channels: number,
  [kh, kw]: KernelSize,
) {
  const b = lowering.blockSize;
  const split = lowering.reshape(filter, [kh, kw, channels / b, b]);
  return lowering.reshape(lowering.transpose(split, [2, 0, 1, 3]), [channels, 1, kh, kw]);
}

/** [kh,kw,I,O] -> OIHW. */
export function plainFilter(lowering: Lowering, filter: string): string {
  return lowering.transpose(filter, [3, 2, 0, 1]);
}

/** [kh,kw,C,M] -> [C*M,1,kh,kw]. */
export function plainDepthwiseFilter(
  lowering: Lowering,
  filter: string,
  channels: number,
  multiplier: number,
  [kh, kw]: KernelSize,
) {
  return lowering.reshape(lowering.transpose(filter, [2, 3, 0, 1]), [channels * multiplier, 1, kh, kw]);
}

/** The filter turned by 180 degrees. */
export function flippedFilter(lowering: Lowering, filter: string, [kh, kw]: KernelSize): string {
  if (kh === 1 && kw === 1) return filter;
  const beforeFirst = -(2 ** 31);
  return lowering.slice(filter, [-1, -1], [beforeFirst, beforeFirst], [0, 1], [-1, -1]);
}

/** The filter with only these rows and columns, in this order. */
export function selectedTaps(
  lowering: Lowering,
  filter: string,
  rows: readonly number[],
  columns: readonly number[],
) {
  const picked = lowering.op('Gather', [filter, lowering.integers(rows)], { axis: 0 });
  return lowering.op('Gather', [picked, lowering.integers(columns)], { axis: 1 });
}
