// The gradient of a convolution in groups with respect to its filter. As for one group (weight-gradient.ts) it is itself a
// convolution, of the activations with the batch as input channels, by a filter made of dy; here in groups too: the inputs of
// a group are the batch of the new convolution, and each group of its channels is the old batch.

import type { TraceValue } from '../trace/trace-graph.ts';
import { type Geometry, usedEndPads } from './convolution-geometry.ts';
import { groupsTogether, ofOwnGroups } from './grouped-filters.ts';
import type { Lowering } from './lowering.ts';
import { imagesAsFilter } from './weight-gradient.ts';

type ImageShape = readonly [number, number, number, number];

/** The gradient in tfjs's order, [kh, kw, in / groups, out]. */
export function groupedFilterGradient(
  lowering: Lowering,
  x: TraceValue,
  dy: TraceValue,
  geometry: Geometry,
  groups: number,
): string {
  const [n, dyHeight, dyWidth, filters] = dy.shape as ImageShape;
  const inputs = x.shape[3]! / groups;
  const { kernel, strides, dilations } = geometry;
  const b = lowering.blockSize;
  const together = groupsTogether(lowering, { groups, inputs, outputs: filters / groups });
  const isBlocked = together !== null && n % b === 0;
  const merged = isBlocked ? together : 1;
  const { images, pads } = imagesByGroup(lowering, x, dy, geometry, groups / merged);
  const attributes = {
    kernel_shape: [dyHeight, dyWidth],
    dilations: strides,
    strides: dilations,
    pads,
    group: groups / merged,
  };
  const [taps, rows] = [kernel[0] * kernel[1], inputs * merged];
  const filterShape = [...kernel, inputs, filters];
  if (!isBlocked) {
    const filter = lowering.transpose(lowering.first(dy), [1, 0, 2, 3]);
    const sum = lowering.product('Conv', [images, filter], attributes);
    const byFilter = lowering.reshape(sum, [rows, filters, taps]);
    return lowering.reshape(lowering.transpose(byFilter, [2, 0, 1]), filterShape);
  }
  const upstream = lowering.reshape(lowering.blocked(dy), [n, filters / b, dyHeight, dyWidth * b]);
  const filter = imagesAsFilter(lowering, upstream, [n, dyHeight, dyWidth, filters]);
  const blocks = lowering.blockedOp('ReorderInput', [images]);
  const sum = lowering.blockedOp('Conv', [blocks, filter], attributes);
  const byTap = lowering.transpose(lowering.reshape(sum, [rows, filters / b, taps, b]), [2, 0, 1, 3]);
  return ofOwnGroups(lowering, byTap, filterShape, groups, merged);
}

/** x [n,h,w,groups*I] as [I, groups*n, h, w], without what no output sees, and the padding that is left to add. */
function imagesByGroup(
  lowering: Lowering,
  x: TraceValue,
  dy: TraceValue,
  geometry: Geometry,
  groups: number,
): { images: string; pads: readonly number[] } {
  const [n, height, width, channels] = x.shape as ImageShape;
  const [, dyHeight, dyWidth] = dy.shape as ImageShape;
  const inputs = channels / groups;
  const [below, right] = usedEndPads(geometry, [height, width], [dyHeight, dyWidth]);
  const order: number[] = [];
  for (let i = 0; i < inputs; i++) {
    for (let g = 0; g < groups; g++) {
      for (let image = 0; image < n; image++) order.push((image * groups + g) * inputs + i);
    }
  }
  // Whole rows that move: a Gather, which runs on all threads.
  const planes = lowering.reshape(lowering.first(x), [n * channels, height * width]);
  const moved = lowering.op('Gather', [planes, lowering.integers(order)], { axis: 0 });
  let images = lowering.reshape(moved, [inputs, groups * n, height, width]);
  if (below < 0 || right < 0) {
    const seen = [height + Math.min(below, 0), width + Math.min(right, 0)];
    images = lowering.slice(images, [0, 0], seen, [2, 3]);
  }
  const [top, left] = geometry.pads;
  return { images, pads: [top, left, Math.max(below, 0), Math.max(right, 0)] };
}
