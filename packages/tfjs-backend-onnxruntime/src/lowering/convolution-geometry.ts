// The numbers of a two-dimensional convolution, as a node's attributes carry them: pairs are [height, width], padding
// is [top, left, bottom, right] as ONNX orders it. tfjs works them out from its own arguments.

import { backend_util } from '@tensorflow/tfjs-core';
import { OnnxRuntimeBackendError } from '../errors.ts';
import type { Shape, TraceNode } from '../trace/trace-graph.ts';

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
  return {
    geometry: {
      kernel: [info.filterHeight, info.filterWidth],
      strides: [info.strideHeight, info.strideWidth],
      dilations: [info.dilationHeight, info.dilationWidth],
      pads: [info.padInfo.top, info.padInfo.left, info.padInfo.bottom, info.padInfo.right],
    },
    inputShape: info.inShape,
    outputShape: info.outShape,
  };
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
