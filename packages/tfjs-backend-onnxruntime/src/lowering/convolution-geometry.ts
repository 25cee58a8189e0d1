// The numbers of a two-dimensional convolution, as a node's attributes carry them: pairs are [height, width], padding
// is [top, left, bottom, right] as ONNX orders it. tfjs works them out from its own arguments.

import { backend_util } from '@tensorflow/tfjs-core';
import { OnnxRuntimeBackendError } from '../errors.ts';
import { type Shape, type TraceNode, TraceValue } from '../trace/trace-graph.ts';
import type { Lowering } from './lowering.ts';

type Pair = readonly [number, number];

export interface Geometry {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly pads: readonly [number, number, number, number];
}

/** What tfjs's convolution kernels have among their attributes. */
export interface ConvolutionAttributes {
  readonly strides: Pair | number;
  readonly pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  readonly dilations?: Pair | number;
  readonly dataFormat?: string;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

export function convolutionGeometry(
  kernelName: string,
  inputShape: Shape,
  filterShape: Shape,
  attributes: ConvolutionAttributes,
  depthwise: boolean,
): { geometry: Geometry; inputShape: Shape; outputShape: Shape } {
  if (attributes.dataFormat !== undefined && attributes.dataFormat !== 'NHWC') {
    throw new OnnxRuntimeBackendError(
      'unsupported-attribute',
      `${kernelName}: dataFormat is ${attributes.dataFormat}, this backend takes NHWC; transpose the input.`,
      { op: kernelName },
    );
  }
  const info = backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attributes.strides as [number, number],
    (attributes.dilations ?? 1) as [number, number],
    attributes.pad,
    attributes.dimRoundingMode,
    depthwise,
  );
  return { geometry: geometryOfWindows(info), inputShape: info.inShape, outputShape: info.outShape };
}

/** The geometry that tfjs has worked out for the windows of a convolution or a pool. */
export function geometryOfWindows(info: backend_util.Conv2DInfo): Geometry {
  const { top, left, bottom, right } = info.padInfo;
  const geometry: Geometry = {
    kernel: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: [top, left, bottom, right],
  };
  // As far as the last window reaches: beyond the padding that was asked for where the number of windows was rounded up, and not so
  // far where tfjs counts fewer than there is room for.
  const used = usedEndPads(geometry, [info.inHeight, info.inWidth], [info.outHeight, info.outWidth]);
  return { ...geometry, pads: [top, left, Math.max(0, used[0]), Math.max(0, used[1])] };
}

/**
 * The image without rows and columns that no window sees, where they are enough for another window. (tfjs takes the height of
 * windows and strides for their width too when it counts windows with padding by one number.)
 */
export function seenPart(lowering: Lowering, x: TraceValue, geometry: Geometry, output: Shape): TraceValue {
  const [n, height, width, channels] = x.shape as readonly [number, number, number, number];
  const used = usedEndPads(geometry, [height, width], [output[1]!, output[2]!]);
  if (used.every((pad, axis) => -pad < geometry.strides[axis]!)) return x;
  const [rows, columns] = [height + Math.min(0, used[0]), width + Math.min(0, used[1])];
  const part = new TraceValue([n, rows, columns, channels], x.dtype);
  lowering.define(part, 'last', lowering.slice(lowering.last(x), [0, 0], [rows, columns], [1, 2]));
  return part;
}

export function geometryAttributes(geometry: Geometry): Readonly<Record<string, readonly number[]>> {
  const { kernel, strides, dilations, pads } = geometry;
  return { kernel, strides, dilations, pads };
}

export function geometryOf(node: TraceNode): Geometry {
  return node.attributes as unknown as Geometry;
}

/** The geometry under the names of ONNX's `Conv`. */
export function onnxGeometry({ kernel, strides, dilations, pads }: Geometry) {
  return { kernel_shape: kernel, strides, dilations, pads };
}

/** Extent of the kernel with its dilation. */
export function kernelExtent({ kernel, dilations }: Geometry): Pair {
  return [(kernel[0] - 1) * dilations[0] + 1, (kernel[1] - 1) * dilations[1] + 1];
}

/** Padding below and to the right that the last output row and column really use; negative: rows never read. */
export function usedEndPads(geometry: Geometry, input: Pair, output: Pair): Pair {
  const extent = kernelExtent(geometry);
  return [0, 1].map(
    (axis) =>
      (output[axis]! - 1) * geometry.strides[axis]! + extent[axis]! - input[axis]! - geometry.pads[axis]!,
  ) as unknown as Pair;
}
