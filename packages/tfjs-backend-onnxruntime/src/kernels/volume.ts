// Convolution and pooling of volumes, [batch, depth, height, width, channels]. ONNX Runtime has no blocked layout for
// these; they are computed channels-first, and every other kernel sees them channels-last.

import {
  type AvgPool3DAttrs,
  type AvgPool3DGradAttrs,
  backend_util,
  type Conv3DAttrs,
  type Conv3DBackpropFilterV2Attrs,
  type Conv3DBackpropInputV2Attrs,
} from '@tensorflow/tfjs-core';
import { fromFloat } from '../lowering/integer-cast.ts';
import type { Lowering } from '../lowering/lowering.ts';
import { channelsFirstShape, pooledWindows } from '../lowering/pooling-windows.ts';
import { type Shape, sizeOf, type TraceNode, type TraceValue } from '../trace/trace-graph.ts';
import { type KernelRow, primitive } from './kernel-row.ts';

type Five = [number, number, number, number, number];
type Three = readonly [number, number, number];

/** A window over a volume, as attributes of a node: begin pads first, as ONNX orders them. */
export interface VolumeGeometry {
  readonly kernel: Three;
  readonly strides: Three;
  readonly dilations: Three;
  readonly pads: readonly number[];
}

function geometryOfWindows(info: backend_util.Conv3DInfo): Readonly<Record<string, readonly number[]>> {
  const { front, top, left, back, bottom, right } = info.padInfo;
  const strides = [info.strideDepth, info.strideHeight, info.strideWidth];
  // tfjs pads by less than nothing where windows are shorter than strides, and only volumes.
  const begin = [front, top, left].map((pad) => Math.max(0, pad));
  const input = [info.inDepth, info.inHeight, info.inWidth];
  const output = [info.outDepth, info.outHeight, info.outWidth];
  const extent = [info.effectiveFilterDepth, info.effectiveFilterHeight, info.effectiveFilterWidth];
  // Where the number of windows was rounded up, the last of them reaches beyond the padding that was asked for.
  const end = [back, bottom, right].map((pad, axis) => {
    const last = (output[axis]! - 1) * strides[axis]! - begin[axis]!;
    return Math.max(0, pad, last + extent[axis]! - input[axis]!);
  });
  return {
    kernel: [info.filterDepth, info.filterHeight, info.filterWidth],
    strides,
    dilations: [info.dilationDepth, info.dilationHeight, info.dilationWidth],
    pads: [...begin, ...end],
  };
}

export function poolingGeometry(x: Shape, attributes: AvgPool3DAttrs | AvgPool3DGradAttrs) {
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  const info = backend_util.computePool3DInfo(x as Five, filterSize, strides, 1, pad, dimRoundingMode);
  return { shape: info.outShape as Shape, geometry: geometryOfWindows(info) };
}

function geometryOf(node: TraceNode): VolumeGeometry {
  return node.attributes as unknown as VolumeGeometry;
}

function onnxGeometry({ kernel, strides, dilations, pads }: VolumeGeometry) {
  return { kernel_shape: kernel, strides, dilations, pads };
}

export function channelsFirst(lowering: Lowering, x: TraceValue): string {
  const floats = x.dtype === 'float32' ? lowering.last(x) : lowering.cast(lowering.last(x), 'float32');
  return lowering.transpose(floats, [0, 4, 1, 2, 3]);
}

export function defineChannelsLast(lowering: Lowering, output: TraceValue, name: string): void {
  const last = lowering.transpose(name, [0, 2, 3, 4, 1]);
  lowering.define(output, 'last', fromFloat(lowering, last, output.dtype));
}

/** dx from dy by the transposed convolution; `filter` is ONNX's, [outputs, inputs, ...kernel]. */
function transposedConvolution(
  lowering: Lowering,
  dy: string,
  filter: string,
  sizes: { dy: Shape; dx: Shape },
  geometry: VolumeGeometry,
): string {
  const pads = [...geometry.pads];
  const outputPadding = [0, 1, 2].map((axis) => {
    const extent = (geometry.kernel[axis]! - 1) * geometry.dilations[axis]! + 1;
    const produced =
      (sizes.dy[axis + 1]! - 1) * geometry.strides[axis]! + extent - pads[axis]! - pads[axis + 3]!;
    const missing = sizes.dx[axis + 1]! - produced;
    if (missing >= 0) return missing;
    pads[axis + 3]! -= missing;
    return 0;
  });
  const attributes = { ...onnxGeometry({ ...geometry, pads }), output_padding: outputPadding };
  return lowering.product('ConvTranspose', [dy, filter], attributes);
}

function pooling(kernel: string, type: 'MaxPool' | 'AveragePool'): KernelRow {
  return primitive<AvgPool3DAttrs>({
    kernel,
    inputs: ['x'],
    infer([x], attributes) {
      const { shape, geometry } = poolingGeometry(x!.shape, attributes);
      return { shape, dtype: x!.dtype, attributes: geometry };
    },
    lower(node, lowering) {
      const x = node.inputs[0]!;
      const output = node.outputs[0]!;
      const shapes = { input: channelsFirstShape(x.shape), output: channelsFirstShape(output.shape) };
      const y = pooledWindows(lowering, type, channelsFirst(lowering, x), geometryOf(node), shapes);
      defineChannelsLast(lowering, output, y);
    },
  });
}

export const volumeKernels: readonly KernelRow[] = [
  primitive<Conv3DAttrs>({
    kernel: 'Conv3D',
    inputs: ['x', 'filter'],
    infer([x, filter], { strides, pad, dilations }) {
      const shapes = [x!.shape, filter!.shape] as unknown as [Five, Five];
      const info = backend_util.computeConv3DInfo(...shapes, strides, dilations, pad);
      return { shape: info.outShape, dtype: 'float32', attributes: geometryOfWindows(info) };
    },
    lower(node, lowering) {
      const [x, filter] = node.inputs as [TraceValue, TraceValue];
      const weights = lowering.transpose(lowering.last(filter), [4, 3, 0, 1, 2]);
      const operands = [channelsFirst(lowering, x), weights] as const;
      const y = lowering.product('Conv', operands, onnxGeometry(geometryOf(node)));
      defineChannelsLast(lowering, node.outputs[0]!, y);
    },
  }),
  primitive<Conv3DBackpropInputV2Attrs>({
    kernel: 'Conv3DBackpropInputV2',
    inputs: ['dy', 'filter'],
    infer([, filter], { strides, pad, inputShape }) {
      const info = backend_util.computeConv3DInfo(
        inputShape,
        filter!.shape as unknown as Five,
        strides,
        1,
        pad,
      );
      return { shape: inputShape, dtype: 'float32', attributes: geometryOfWindows(info) };
    },
    lower(node, lowering) {
      const [dy, filter] = node.inputs as [TraceValue, TraceValue];
      const dx = node.outputs[0]!;
      const weights = lowering.transpose(lowering.last(filter), [4, 3, 0, 1, 2]);
      const sizes = { dy: dy.shape, dx: dx.shape };
      const first = channelsFirst(lowering, dy);
      const gradient = transposedConvolution(lowering, first, weights, sizes, geometryOf(node));
      defineChannelsLast(lowering, dx, gradient);
    },
  }),
  // The input as the image (its channels as the batch), dy as the filter, strides and dilations in each other's place.
  primitive<Conv3DBackpropFilterV2Attrs>({
    kernel: 'Conv3DBackpropFilterV2',
    inputs: ['x', 'dy'],
    infer([x], { strides, pad, filterShape }) {
      const info = backend_util.computeConv3DInfo(x!.shape as unknown as Five, filterShape, strides, 1, pad);
      return { shape: filterShape, dtype: 'float32', attributes: geometryOfWindows(info) };
    },
    lower(node, lowering) {
      const [x, dy] = node.inputs as [TraceValue, TraceValue];
      const { kernel, strides, pads } = geometryOf(node);
      const images = lowering.transpose(lowering.last(x), [4, 0, 1, 2, 3]);
      const filter = lowering.transpose(lowering.last(dy), [4, 0, 1, 2, 3]);
      const attributes = { kernel_shape: dy.shape.slice(1, 4), strides: [1, 1, 1], dilations: strides, pads };
      const taps = lowering.product('Conv', [images, filter], attributes);
      // Where the stride left a rest of the input unread there are more taps than the filter has.
      const used = lowering.slice(taps, [0, 0, 0], kernel, [2, 3, 4]);
      lowering.define(node.outputs[0]!, 'last', lowering.transpose(used, [2, 3, 4, 0, 1]));
    },
    properties: { isSumOfProducts: true },
  }),
  pooling('AvgPool3D', 'AveragePool'),
  pooling('MaxPool3D', 'MaxPool'),
  // As tfjs has it: each element gets its share of every window that it lies in, padding counted.
  primitive<AvgPool3DGradAttrs>({
    kernel: 'AvgPool3DGrad',
    inputs: ['dy', 'input'],
    infer([, input], attributes) {
      const { geometry } = poolingGeometry(input!.shape, attributes);
      return { shape: input!.shape, dtype: 'float32', attributes: geometry };
    },
    lower(node, lowering) {
      const dy = node.inputs[0]!;
      const dx = node.outputs[0]!;
      const geometry = geometryOf(node);
      const [n, depth, height, width, channels] = dy.shape as Five;
      const planes = lowering.reshape(channelsFirst(lowering, dy), [n * channels, 1, depth, height, width]);
      const count = sizeOf(geometry.kernel);
      const share = lowering.filled(1 / count, { shape: [1, 1, ...geometry.kernel], dtype: 'float32' });
      const sizes = { dy: dy.shape, dx: dx.shape };
      const shared = transposedConvolution(lowering, planes, share, sizes, geometry);
      const first = lowering.reshape(shared, [n, channels, ...dx.shape.slice(1, 4)]);
      defineChannelsLast(lowering, dx, first);
    },
  }),
];
