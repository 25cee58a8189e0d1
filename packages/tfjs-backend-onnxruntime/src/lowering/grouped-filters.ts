// Filters of convolutions in groups, [kh,kw,I,O*groups] with I inputs and O outputs a group. To fill the blocks of the
// blocked layout, groups are put together: the filter of a few of them as one has zeros wherever it would mix two.

import { type KernelSize, selectedTaps, type Taps } from './blocked-weights.ts';
import type { Lowering } from './lowering.ts';

export interface GroupSizes {
  readonly groups: number;
  /** Channels of one group. */
  readonly inputs: number;
  readonly outputs: number;
}

/**
 * Groups computed together multiply the arithmetic by their number, most of it with zeros. Measured on 16 channels a block, of
 * 3x3 filters, one thread: against NCHW 2.5 times as fast without zeros, 1.3 to 2 times with two groups together, 1.25 times
 * with four and with eight; and what comes before and after is blocked.
 */
const mostTogether = 8;

/** How many groups fill whole blocks together; null where NCHW is the better layout. */
export function groupsTogether(
  { blockSize }: Lowering,
  { groups, inputs, outputs }: GroupSizes,
): number | null {
  if (blockSize === 0) return null;
  for (let together = 1; together <= mostTogether; together *= 2) {
    const fills = (inputs * together) % blockSize === 0 && (outputs * together) % blockSize === 0;
    if (fills && groups % together === 0) return together;
  }
  return null;
}

/** [kh,kw,I,O*groups] -> [kh,kw,I*together,O*groups], in which each output sees the inputs of its own group and zeros. */
export function mergedFilter(
  lowering: Lowering,
  filter: string,
  [kh, kw, inputs, filters]: readonly number[],
  groups: number,
  together: number,
): string {
  if (together === 1) return filter;
  const outputs = filters! / groups;
  const shape = [kh! * kw!, 1, inputs!, groups / together, together, outputs];
  const spread = lowering.op('Mul', [lowering.reshape(filter, shape), sameGroup(lowering, together)]);
  return lowering.reshape(spread, [kh!, kw!, inputs! * together, filters!]);
}

/** 1 where the group of the input (axis 1 of 6) is that of the output (axis 4), else 0. */
function sameGroup(lowering: Lowering, together: number): string {
  const identity = Array.from({ length: together ** 2 }, (_, i) => (i % (together + 1) === 0 ? 1 : 0));
  return lowering.graph.constant('float32', [1, together, 1, 1, together, 1], identity);
}

/**
 * [kh,kw,I,O*groups] -> these taps of it as [rows,columns,O,I*groups]: the filter that maps the outputs of each group back
 * to its inputs.
 */
export function transposedTaps(
  lowering: Lowering,
  filter: string,
  [kh, kw]: KernelSize,
  { groups, inputs, outputs }: GroupSizes,
  taps: Taps,
): string {
  const picked = selectedTaps(lowering, lowering.reshape(filter, [kh, kw, inputs, groups * outputs]), taps);
  const count = taps.rows.length * taps.columns.length;
  const apart = lowering.reshape(picked, [count, inputs, groups, outputs]);
  const turned = lowering.transpose(apart, [0, 3, 2, 1]);
  return lowering.reshape(turned, [taps.rows.length, taps.columns.length, outputs, groups * inputs]);
}

/** [kh*kw,I*together,groups/together,O*together] -> the gradient [kh,kw,I,O*groups]: what mixes two groups is left out. */
export function ofOwnGroups(
  lowering: Lowering,
  merged: string,
  [kh, kw, inputs, filters]: readonly number[],
  groups: number,
  together: number,
): string {
  const outputs = filters! / groups;
  if (together === 1) return lowering.reshape(merged, [kh!, kw!, inputs!, filters!]);
  const apart = [kh! * kw!, together, inputs!, groups / together, together, outputs];
  const kept = lowering.op('Mul', [lowering.reshape(merged, apart), sameGroup(lowering, together)]);
  return lowering.reshape(lowering.reduceSum(kept, [1]), [kh!, kw!, inputs!, filters!]);
}
