// Kernels that rename, move or repeat elements without computing: reshape, transpose, concatenation and splitting,
// slices, padding. Those that keep the order of elements cost nothing: the result shares the numbers of the input.

import {
  type BroadCastToAttrs,
  backend_util,
  type ConcatAttrs,
  type ExpandDimsAttrs,
  type MirrorPadAttrs,
  type PackAttrs,
  type PadV2Attrs,
  type ReshapeAttrs,
  type ReverseAttrs,
  type SliceAttrs,
  type SplitVAttrs,
  type StridedSliceAttrs,
  slice_util,
  type TensorInfo,
  type TileAttrs,
  type TransposeAttrs,
  type UnpackAttrs,
  util,
} from '@tensorflow/tfjs-core';
import type { Lowering } from '../lowering/lowering.ts';
import type { HostValues } from '../runtime/native-binding.ts';
import { sameShape, sizeOf, type TraceNode, type TraceValue, trace } from '../trace/trace-graph.ts';
import {
  type Alias,
  composed,
  everyInput,
  type KernelRow,
  primitive,
  required,
  traceOp,
} from './kernel-row.ts';

/** The same elements under another shape; traced where a tensor's shape is not its value's. */
export const reshapeOp = traceOp('Reshape', (node, lowering) => {
  const x = node.inputs[0]!;
  const output = node.outputs[0]!;
  if (sameShape(x.shape, output.shape)) lowering.alias(output, x);
  else {
    const uniform = lowering.uniform(x);
    const write = () => lowering.reshape(lowering.last(x), output.shape);
    if (uniform === undefined) lowering.define(output, 'last', write());
    else lowering.postpone(output, write, { uniform });
  }
});

const sliceOp = traceOp('Slice', (node, lowering) => {
  const begin = node.attributes.begin as readonly number[];
  const output = node.outputs[0]!;
  const image = node.inputs[0]!;
  if (isBlocked(lowering, image) && keepsBlocks(lowering, image, { begin, size: output.shape })) {
    const [first, , , channel] = begin as readonly [number, number, number, number];
    const [images, , , channels] = output.shape as readonly [number, number, number, number];
    const end = [first + images, channel + channels];
    lowering.define(
      output,
      'blocked',
      lowering.slice(lowering.blocked(image), [first, channel], end, [0, 1]),
    );
    return;
  }
  const x = lowering.last(image);
  if (begin.length === 0) {
    lowering.define(output, 'last', x);
    return;
  }
  const end = begin.map((b, axis) => b + output.shape[axis]!);
  lowering.define(output, 'last', lowering.slice(x, begin, end, [...begin.keys()]));
});

const stridedSliceOp = traceOp('StridedSlice', (node, lowering) => {
  const { begin, end, strides } = node.attributes as Record<string, readonly number[]>;
  // tfjs says "before the first element" by -1, which in ONNX is the last one.
  const ends = end!.map((e, axis) => (strides![axis]! < 0 && e < 0 ? -(2 ** 31) : e));
  const x = lowering.last(node.inputs[0]!);
  lowering.define(node.outputs[0]!, 'last', lowering.slice(x, begin!, ends, [...begin!.keys()], strides));
});

const concatOp = traceOp('Concat', (node, lowering) => {
  const axis = node.attributes.axis as number;
  const areBlocked = node.inputs.every((x) => isBlocked(lowering, x)) && (axis === 0 || axis === 3);
  const parts = node.inputs.map((x) => lowering.in(areBlocked ? 'blocked' : 'last', x));
  const onnxAxis = areBlocked && axis === 3 ? 1 : axis;
  lowering.define(
    node.outputs[0]!,
    areBlocked ? 'blocked' : 'last',
    parts.length === 1 ? parts[0]! : lowering.op('Concat', parts, { axis: onnxAxis }),
  );
});

/** Whether an image stands in blocks of channels. Whole images and whole blocks of it can be moved as they are. */
function isBlocked(lowering: Lowering, x: TraceValue): boolean {
  return lowering.canBlock(x) && lowering.primary(x) === 'blocked';
}

function keepsBlocks(
  lowering: Lowering,
  { shape: [, height, width] }: TraceValue,
  { begin, size }: { readonly begin: readonly number[]; readonly size: readonly number[] },
): boolean {
  return (
    size[1] === height &&
    size[2] === width &&
    begin[3]! % lowering.blockSize === 0 &&
    lowering.canBlock({ shape: size })
  );
}

function traceSlice(x: TraceValue, begin: readonly number[], size: readonly number[]): TraceValue {
  return trace(sliceOp, [x], { shape: size, dtype: x.dtype }, { begin });
}

/** The part of x at `offset` along `axis`, as long as `length`. */
function part(x: TraceValue, axis: number, offset: number, length: number): TraceValue {
  return traceSlice(
    x,
    x.shape.map((_, i) => (i === axis ? offset : 0)),
    x.shape.map((size, i) => (i === axis ? length : size)),
  );
}

/**
 * The numbers of a slice that is in one piece in the memory of a tensor that has numbers already, as a batch is of a dataset: cut out at
 * once, so that the next batch has the same graph. Null for others, and for variables, which are too large to be copied twice.
 */
function knownPart(
  { tensor, isParameter, shape }: TraceValue,
  begin: number[],
  size: number[],
): HostValues | null {
  if (tensor === null || isParameter || !slice_util.isSliceContinous([...shape], begin, size)) return null;
  const from = slice_util.computeFlatOffset(begin, util.computeStrides([...shape]));
  return tensor.data.subarray(from, from + sizeOf(size));
}

function concat(parts: readonly TraceValue[], axis: number): TraceValue {
  const shape = [...parts[0]!.shape];
  shape[axis] = parts.reduce((sum, x) => sum + x.shape[axis]!, 0);
  const filled = parts.filter((x) => sizeOf(x.shape) > 0);
  return trace(
    concatOp,
    filled.length > 0 ? filled : [parts[0]!],
    { shape, dtype: parts[0]!.dtype },
    { axis },
  );
}

function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

function renamed(aliasOf: TensorInfo, shape: readonly number[]): Alias {
  return { aliasOf, shape };
}

function lowerTranspose(node: TraceNode, lowering: Lowering): void {
  const x = node.inputs[0]!;
  const output = node.outputs[0]!;
  const perm = node.attributes.perm as readonly number[];
  const order = perm.join();
  // To and from NCHW, which may be there already.
  if (order === '0,3,1,2') lowering.define(output, 'last', lowering.first(x));
  else if (order === '0,2,3,1') lowering.define(output, 'first', lowering.last(x));
  else
    lowering.define(
      output,
      'last',
      perm.length === 0 ? lowering.last(x) : lowering.transpose(lowering.last(x), perm),
    );
}

function lowerPad(node: TraceNode, lowering: Lowering, mode: string, value?: string): void {
  const x = lowering.last(node.inputs[0]!);
  const pads = [...(node.attributes.before as number[]), ...(node.attributes.after as number[])];
  const inputs = value === undefined ? [x, lowering.integers(pads)] : [x, lowering.integers(pads), value];
  const output = node.outputs[0]!;
  lowering.define(output, 'last', pads.length === 0 ? x : lowering.op('Pad', inputs, { mode }));
}

const padOp = traceOp('PadV2', (node, lowering) =>
  lowerPad(node, lowering, 'constant', lowering.last(node.inputs[1]!)),
);

function padded(x: TraceValue, paddings: readonly (readonly [number, number])[]) {
  return {
    shape: x.shape.map((size, i) => size + paddings[i]![0] + paddings[i]![1]),
    dtype: x.dtype,
    attributes: { before: paddings.map(([before]) => before), after: paddings.map(([, after]) => after) },
  };
}

export const shapeKernels: readonly KernelRow[] = [
  composed('Identity', (call) => renamed(call.tensors.x!, call.tensors.x!.shape)),
  composed<ReshapeAttrs>('Reshape', (call, { shape }) => {
    const x = call.tensors.x!;
    const size = sizeOf(x.shape);
    const target = util.inferFromImplicitShape(shape, size);
    util.assert(
      sizeOf(target) === size,
      () => `Reshape: [${x.shape}] has ${size} elements, [${shape}] has not`,
    );
    return renamed(x, target);
  }),
  composed<ExpandDimsAttrs>('ExpandDims', (call, { dim }) => {
    const x = call.tensors.input!;
    const rank = x.shape.length;
    util.assert(dim >= -rank - 1 && dim <= rank, () => `ExpandDims: no axis ${dim} in rank ${rank + 1}`);
    return renamed(x, x.shape.toSpliced(axisOf(dim, rank + 1), 0, 1));
  }),
  primitive<TransposeAttrs>({
    kernel: 'Transpose',
    inputs: ['x'],
    infer: ([x], { perm }) => ({
      shape: perm.map((axis) => x!.shape[axis]!),
      dtype: x!.dtype,
      attributes: { perm },
    }),
    lower: lowerTranspose,
  }),
  primitive<TileAttrs>({
    kernel: 'Tile',
    inputs: ['x'],
    infer: ([x], { reps }) => ({
      shape: x!.shape.map((size, axis) => size * reps[axis]!),
      dtype: x!.dtype,
      attributes: { reps },
    }),
    lower(node, lowering) {
      const x = node.inputs[0]!;
      const reps = node.attributes.reps as readonly number[];
      const write = () => lowering.op('Tile', [lowering.last(x), lowering.integers(reps)]);
      const repeatsOnes = reps.every((count, axis) => count === 1 || x.shape[axis] === 1);
      if (reps.length === 0) lowering.alias(node.outputs[0]!, x);
      else lowering.postpone(node.outputs[0]!, write, repeatsOnes ? { broadcastOf: x } : {});
    },
  }),
  primitive<BroadCastToAttrs>({
    kernel: 'BroadcastTo',
    inputs: ['x'],
    infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
    lower(node, lowering) {
      const x = node.inputs[0]!;
      const output = node.outputs[0]!;
      const write = () => lowering.op('Expand', [lowering.last(x), lowering.integers(output.shape)]);
      lowering.postpone(output, write, { broadcastOf: x });
    },
  }),
  composed<ConcatAttrs>('Concat', (call, attributes) => {
    const inputs = everyInput(call);
    const [axis] = util.parseAxisParam(attributes.axis, [...inputs[0]!.shape]) as [number];
    backend_util.assertParamsConsistent(
      inputs.map(({ shape }) => [...shape]),
      axis,
    );
    return concat(inputs, axis);
  }),
  composed<PackAttrs>('Pack', (call, attributes) => {
    const inputs = everyInput(call);
    const [first] = inputs as [TraceValue];
    for (const { shape, dtype } of inputs) {
      util.assertShapesMatch([...first.shape], [...shape], 'Pack: ');
      util.assert(dtype === first.dtype, () => `Pack: expected ${first.dtype} throughout, found ${dtype}`);
    }
    const axis = axisOf(attributes.axis, first.shape.length + 1);
    const shape = first.shape.toSpliced(axis, 0, 1);
    return concat(
      inputs.map((x) => call.reshape(x, shape)),
      axis,
    );
  }),
  composed<UnpackAttrs>('Unpack', (call, attributes) => {
    const value = required(call, 'value');
    const axis = axisOf(attributes.axis, value.shape.length);
    const shape = value.shape.filter((_, i) => i !== axis);
    return Array.from({ length: value.shape[axis]! }, (_, i) => call.reshape(part(value, axis, i, 1), shape));
  }),
  composed<SplitVAttrs>('SplitV', (call, { numOrSizeSplits, axis: givenAxis }) => {
    const x = required(call, 'x');
    const [axis] = util.parseAxisParam(givenAxis, [...x.shape]) as [number];
    const sizes = backend_util.prepareSplitSize({ shape: [...x.shape] } as never, numOrSizeSplits, axis);
    let offset = 0;
    return sizes.map((length) => {
      const begin = offset;
      offset += length;
      return part(x, axis, begin, length);
    });
  }),
  composed<SliceAttrs>('Slice', (call, { begin, size }) => {
    const tensor = call.tensors.x!;
    const [start, extent] = slice_util.parseSliceParams(tensor as never, begin, size) as [number[], number[]];
    slice_util.assertParamsValid(tensor as never, start, extent);
    const x = call.value(tensor);
    const numbers = knownPart(x, start, extent);
    return numbers === null ? traceSlice(x, start, extent) : call.part(numbers, extent, x.dtype);
  }),
  composed<StridedSliceAttrs>('StridedSlice', (call, attributes) => {
    const x = required(call, 'x');
    const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attributes;
    const info = slice_util.sliceInfo(
      [...x.shape],
      begin,
      end,
      strides,
      beginMask,
      endMask,
      ellipsisMask,
      newAxisMask,
      shrinkAxisMask,
    );
    if (info.isIdentity) return renamed(call.tensors.x!, info.finalShape);
    const bounds = { begin: info.begin, end: info.end!, strides: info.strides! };
    // With the axes that are only a position, which the final shape leaves out.
    const shape = info.begin.map((begin, axis) =>
      Math.max(0, Math.ceil((bounds.end[axis]! - begin) / bounds.strides[axis]!)),
    );
    return call.reshape(trace(stridedSliceOp, [x], { shape, dtype: x.dtype }, bounds), info.finalShape);
  }),
  composed<PadV2Attrs>('PadV2', (call, { paddings, constantValue }) => {
    const x = required(call, 'x');
    const { attributes, ...type } = padded(x, paddings);
    return trace(padOp, [x, call.number(constantValue, x.dtype)], type, attributes);
  }),
  primitive<MirrorPadAttrs>({
    kernel: 'MirrorPad',
    inputs: ['x'],
    infer: ([x], { paddings, mode }) => {
      const { attributes, ...type } = padded(x!, paddings);
      return { ...type, attributes: { ...attributes, mode } };
    },
    lower(node, lowering) {
      if (node.attributes.mode === 'reflect') {
        lowerPad(node, lowering, 'reflect');
        return;
      }
      lowerSymmetricPad(node, lowering);
    },
  }),
  primitive<ReverseAttrs>({
    kernel: 'Reverse',
    inputs: ['x'],
    infer: ([x], { dims }) => ({
      shape: x!.shape,
      dtype: x!.dtype,
      attributes: { axes: x!.shape.length === 0 ? [] : util.parseAxisParam(dims, [...x!.shape]) },
    }),
    lower: lowerReverse,
  }),
  primitive({
    kernel: 'FlipLeftRight',
    inputs: ['image'],
    infer: ([image]) => ({ shape: image!.shape, dtype: image!.dtype, attributes: { axes: [2] } }),
    lower: lowerReverse,
  }),
];

function lowerReverse(node: TraceNode, lowering: Lowering): void {
  const axes = node.attributes.axes as readonly number[];
  const x = lowering.last(node.inputs[0]!);
  const last = axes.map(() => -1);
  const beforeFirst = axes.map(() => -(2 ** 31));
  lowering.define(
    node.outputs[0]!,
    'last',
    axes.length === 0 ? x : lowering.slice(x, last, beforeFirst, axes, last),
  );
}

/** Mirrors with the edge repeated, which ONNX's Pad does not know: an index for each position, axis by axis. */
function lowerSymmetricPad(node: TraceNode, lowering: Lowering): void {
  const { before, after } = node.attributes as Record<string, readonly number[]>;
  const { shape } = node.inputs[0]!;
  let value = lowering.last(node.inputs[0]!);
  for (const [axis, size] of shape.entries()) {
    if (before![axis] === 0 && after![axis] === 0) continue;
    const indices = Array.from({ length: before![axis]! + size + after![axis]! }, (_, i) => {
      const position = i - before![axis]!;
      return position < 0 ? -1 - position : position >= size ? 2 * size - 1 - position : position;
    });
    value = lowering.op('Gather', [value, lowering.integers(indices)], { axis });
  }
  lowering.define(node.outputs[0]!, 'last', value);
}
