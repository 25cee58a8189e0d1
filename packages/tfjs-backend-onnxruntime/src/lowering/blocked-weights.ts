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
  kernel: KernelSize,
) {
  const b = lowering.blockSize;
  const [taps, ins, outs] = [kernel[0] * kernel[1], inputs / b, outputs / b];
  const tiles = outputBlocks(lowering, filter, inputs, outputs, kernel);
  if (taps === 1) return lowering.reshape(tiles, [outputs, inputs, ...kernel]);
  const order = orderTiles([outs, ins, taps], ([o, i, tap]) => (o * taps + tap) * ins + i);
  return lowering.reshape(pickTiles(lowering, tiles, order), [outputs, inputs, ...kernel]);
}

/** Rows and columns of a filter, in the order in which they are wanted. */
export interface Taps {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

/** [kh,kw,I,O] -> the blocked filter that maps O channels back to I by these taps. */
export function blockedTransposedFilter(
  lowering: Lowering,
  filter: string,
  inputs: number,
  outputs: number,
  kernel: KernelSize,
  { rows, columns }: Taps,
) {
  const b = lowering.blockSize;
  const [taps, ins, outs] = [kernel[0] * kernel[1], inputs / b, outputs / b];
  const picked = rows.flatMap((row) => columns.map((column) => row * kernel[1] + column));
  const tiles = outputBlocks(lowering, filter, inputs, outputs, kernel);
  // Read as NCHW, a tile has its rows as channels: to make those innermost is to transpose it.
  const asImages = lowering.reshape(tiles, [outs * taps * ins, b, b, 1]);
  const turned = lowering.blockedOp('ReorderInput', [asImages]);
  const order = orderTiles([ins, outs, picked.length], ([i, o, t]) => (o * taps + picked[t]!) * ins + i);
  const transposed = pickTiles(lowering, turned, order);
  return lowering.reshape(transposed, [inputs, outputs, rows.length, columns.length]);
}

// The filter as tiles [Bi,Bo] in the order [O/Bo, kh*kw, I/Bi]. ONNX Runtime's reorder of an image does it: the
// outputs are channels, all the rest pixels. From here whole tiles move, by Gather. Both run on all threads, which
// Transpose does not, and both directions of a convolution share them.
function outputBlocks(
  lowering: Lowering,
  filter: string,
  inputs: number,
  outputs: number,
  [kh, kw]: KernelSize,
) {
  const asImage = lowering.reshape(filter, [1, kh * kw * inputs, 1, outputs]);
  return lowering.blockedOp('ReorderInput', [asImage], { channels_last: 1 });
}

type TileShape = readonly [number, number, number];

/** For each tile of the result, row by row, the number of the tile it comes from. */
function orderTiles([a, b, c]: TileShape, from: (position: TileShape) => number): number[] {
  const order: number[] = [];
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) order.push(from([i, j, k]));
    }
  }
  return order;
}

function pickTiles(lowering: Lowering, tiles: string, order: readonly number[]): string {
  const rows = lowering.reshape(tiles, [-1, lowering.blockSize ** 2]);
  return lowering.op('Gather', [rows, lowering.integers(order)], { axis: 0 });
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

/** The filter with only these rows and columns, in this order. */
export function selectedTaps(lowering: Lowering, filter: string, { rows, columns }: Taps): string {
  const picked = lowering.op('Gather', [filter, lowering.integers(rows)], { axis: 0 });
  return lowering.op('Gather', [picked, lowering.integers(columns)], { axis: 1 });
}
