// Kernels that move pixels between the image plane, its channels and the batch. All are a reshape, a transpose and another
// reshape; those of the batch pad first or crop last.

import {
  type BatchToSpaceNDAttrs,
  backend_util,
  type DepthToSpaceAttrs,
  type SpaceToBatchNDAttrs,
  util,
} from '@tensorflow/tfjs-core';
import { sizeOf, type TraceValue } from '../trace/trace-graph.ts';
import { composed, type KernelCall, type KernelRow, required, traceKernel } from './kernel-row.ts';
import { shapeKernels } from './shape.ts';

const part = (kernel: string) => shapeKernels.find((row) => row.kernel === kernel)!;
const transpose = part('Transpose');
const slice = part('Slice');
const pad = part('PadV2');

/** Seen as `apart`, with its axes in the order `perm`, seen as `together`. */
function rearranged(
  call: KernelCall,
  x: TraceValue,
  apart: readonly number[],
  perm: readonly number[],
  together: readonly number[],
): TraceValue {
  const moved = traceKernel(call, transpose, { x: call.reshape(x, apart) }, { perm });
  return call.reshape(moved, together);
}

export const spaceBatchKernels: readonly KernelRow[] = [
  composed<DepthToSpaceAttrs>('DepthToSpace', (call, { blockSize, dataFormat }) => {
    const x = required(call, 'x');
    util.assert(dataFormat === 'NHWC', () => `DepthToSpace: dataFormat is ${dataFormat}, NHWC is expected.`);
    const [n, h, w, c] = x.shape as readonly [number, number, number, number];
    const depth = c / blockSize ** 2;
    const apart = [n, h, w, blockSize, blockSize, depth];
    return rearranged(call, x, apart, [0, 1, 3, 2, 4, 5], [n, h * blockSize, w * blockSize, depth]);
  }),
  composed<SpaceToBatchNDAttrs>('SpaceToBatchND', (call, { blockShape, paddings }) => {
    const given = required(call, 'x');
    const untouched = new Array<[number, number]>(given.shape.length - 1 - blockShape.length).fill([0, 0]);
    const x = traceKernel(
      call,
      pad,
      { x: given },
      { paddings: [[0, 0], ...paddings, ...untouched], constantValue: 0 },
    );
    const shape = [...x.shape];
    const blocks = sizeOf(blockShape);
    const apart = backend_util.getReshaped(shape, blockShape, blocks, false);
    const perm = backend_util.getPermuted(apart.length, blockShape.length, false);
    return rearranged(
      call,
      x,
      apart,
      perm,
      backend_util.getReshapedPermuted(shape, blockShape, blocks, false),
    );
  }),
  composed<BatchToSpaceNDAttrs>('BatchToSpaceND', (call, { blockShape, crops }) => {
    const given = required(call, 'x');
    const shape = [...given.shape];
    const blocks = sizeOf(blockShape);
    const apart = backend_util.getReshaped(shape, blockShape, blocks);
    const perm = backend_util.getPermuted(apart.length, blockShape.length);
    const together = backend_util.getReshapedPermuted(shape, blockShape, blocks);
    const x = rearranged(call, given, apart, perm, together);
    const begin = backend_util.getSliceBeginCoords(crops, blockShape.length);
    const size = backend_util.getSliceSize(together, crops, blockShape.length);
    return traceKernel(call, slice, { x }, { begin, size });
  }),
];
