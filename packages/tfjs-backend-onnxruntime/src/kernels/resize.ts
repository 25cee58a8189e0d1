// Kernels that sample images at other points. Resizing samples rows and columns apart: each row of the result is one row
// of the image or a mix of two, so it is picked (and mixed) by position, and so is each column. The gradient is the
// same mixing turned round: a product with the (small) matrix of the weights, for rows and for columns.

import type { CropAndResizeAttrs, ResizeBilinearAttrs } from '@tensorflow/tfjs-core';
import type { Lowering } from '../lowering/lowering.ts';
import type { TraceNode, TraceValue } from '../trace/trace-graph.ts';
import { type KernelRow, primitive } from './kernel-row.ts';

type Image = readonly [number, number, number, number];

/** Where one row (or column) of the result comes from: `first` and, by the share `second`, the one after it. */
interface Sample {
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

type Sampling = (input: number, output: number, options: ResizeBilinearAttrs) => Sample[];

function scaleOf(input: number, output: number, alignCorners: boolean): number {
  return alignCorners && output > 1 ? (input - 1) / (output - 1) : input / output;
}

const bilinear: Sampling = (input, output, { alignCorners, halfPixelCenters }) => {
  const scale = scaleOf(input, output, alignCorners);
  return Array.from({ length: output }, (_, i) => {
    const position = halfPixelCenters ? scale * (i + 0.5) - 0.5 : scale * i;
    const from = Math.max(0, Math.floor(position));
    const to = Math.min(input - 1, Math.ceil(position));
    return { from, to, share: to === from ? 0 : position - from };
  });
};

const nearest: Sampling = (input, output, { alignCorners, halfPixelCenters }) => {
  const scale = scaleOf(input, output, alignCorners);
  return Array.from({ length: output }, (_, i) => {
    const position = halfPixelCenters ? scale * (i + 0.5) : scale * i;
    const whole = Math.min(input - 1, alignCorners ? Math.round(position) : Math.floor(position));
    return { from: whole, to: whole, share: 0 };
  });
};

/** Samples one axis of an image. */
function sampled(lowering: Lowering, x: string, axis: 1 | 2, samples: readonly Sample[]): string {
  const pick = (positions: number[]) => lowering.op('Gather', [x, lowering.integers(positions)], { axis });
  const first = pick(samples.map(({ from }) => from));
  if (samples.every(({ share }) => share === 0)) return first;
  const second = pick(samples.map(({ to }) => to));
  const shares = samples.map(({ share }) => share);
  const shape = axis === 1 ? [shares.length, 1, 1] : [shares.length, 1];
  const weights = lowering.graph.constant('float32', shape, shares);
  const difference = lowering.op('Sub', [second, first]);
  return lowering.op('Add', [first, lowering.op('Mul', [difference, weights])]);
}

/** The matrix [input, output] by which the gradient of the result is summed into that of the image. */
function gradientWeights(lowering: Lowering, samples: readonly Sample[], input: number): string {
  const weights = new Float32Array(input * samples.length);
  for (const [i, { from, to, share }] of samples.entries()) {
    weights[from * samples.length + i]! += 1 - share;
    weights[to * samples.length + i]! += share;
  }
  return lowering.graph.constant('float32', [input, samples.length], weights);
}

function sampling(
  { attributes }: TraceNode,
  rows: readonly [number, number],
  columns: readonly [number, number],
) {
  const options = attributes as unknown as ResizeBilinearAttrs;
  const sample = attributes.nearest ? nearest : bilinear;
  return { rows: sample(...rows, options), columns: sample(...columns, options) };
}

function attributesOf({ alignCorners, halfPixelCenters }: ResizeBilinearAttrs, isNearest: boolean) {
  return {
    alignCorners: alignCorners === true,
    halfPixelCenters: halfPixelCenters === true,
    nearest: isNearest,
  };
}

function resize(kernel: string, isNearest: boolean): KernelRow {
  return primitive<ResizeBilinearAttrs>({
    kernel,
    inputs: ['images'],
    infer([images], attributes) {
      const [n, , , c] = images!.shape as Image;
      return {
        shape: [n, ...attributes.size, c],
        dtype: isNearest ? images!.dtype : 'float32',
        attributes: attributesOf(attributes, isNearest),
      };
    },
    lower(node, lowering) {
      const [images] = node.inputs as [TraceValue];
      const output = node.outputs[0]!;
      const [, height, width] = images.shape as Image;
      const [, newHeight, newWidth] = output.shape as Image;
      const { rows, columns } = sampling(node, [height, newHeight], [width, newWidth]);
      const x = lowering.last(images);
      const floats = images.dtype === output.dtype ? x : lowering.cast(x, output.dtype);
      lowering.define(output, 'last', sampled(lowering, sampled(lowering, floats, 1, rows), 2, columns));
    },
  });
}

function resizeGradient(kernel: string, isNearest: boolean): KernelRow {
  return primitive<ResizeBilinearAttrs>({
    kernel,
    inputs: ['images', 'dy'],
    infer: ([images], attributes) => ({
      shape: images!.shape,
      dtype: 'float32',
      attributes: attributesOf(attributes, isNearest),
    }),
    lower(node, lowering) {
      const [images, dy] = node.inputs as [TraceValue, TraceValue];
      const [n, height, width, c] = images.shape as Image;
      const [, newHeight, newWidth] = dy.shape as Image;
      const { rows, columns } = sampling(node, [height, newHeight], [width, newWidth]);
      const byRow = lowering.reshape(lowering.last(dy), [n, newHeight, newWidth * c]);
      const summedRows = lowering.op('MatMul', [gradientWeights(lowering, rows, height), byRow]);
      const byColumn = lowering.reshape(summedRows, [n, height, newWidth, c]);
      const summed = lowering.op('MatMul', [gradientWeights(lowering, columns, width), byColumn]);
      lowering.define(node.outputs[0]!, 'last', summed);
    },
  });
}

/** Positions of the samples of a crop along one axis, [boxes, samples], from the edges of the boxes. */
function cropPositions(
  lowering: Lowering,
  edges: readonly [string, string],
  input: number,
  output: number,
): string {
  const [low, high] = edges;
  const last = lowering.scalar(input - 1);
  if (output === 1) {
    const middle = lowering.op('Mul', [lowering.op('Add', [low, high]), lowering.scalar(0.5)]);
    return lowering.op('Mul', [middle, last]);
  }
  const steps = lowering.graph.constant(
    'float32',
    [1, output],
    Array.from({ length: output }, (_, i) => i),
  );
  const extent = lowering.op('Mul', [lowering.op('Sub', [high, low]), last]);
  const step = lowering.op('Div', [extent, lowering.scalar(output - 1)]);
  return lowering.op('Add', [lowering.op('Mul', [low, last]), lowering.op('Mul', [steps, step])]);
}

const cropAndResize = primitive<CropAndResizeAttrs>({
  kernel: 'CropAndResize',
  inputs: ['image', 'boxes', 'boxInd'],
  infer: ([image, boxes], { cropSize, method, extrapolationValue }) => ({
    shape: [boxes!.shape[0]!, ...cropSize, image!.shape[3]!],
    dtype: 'float32',
    attributes: { nearest: method === 'nearest', extrapolationValue },
  }),
  lower(node, lowering) {
    const [image, boxes, boxInd] = node.inputs as [TraceValue, TraceValue, TraceValue];
    const output = node.outputs[0]!;
    const [, height, width] = image.shape as Image;
    const [count, cropHeight, cropWidth] = output.shape as Image;
    const isNearest = node.attributes.nearest === true;
    const edge = (column: number) => lowering.slice(lowering.last(boxes), [column], [column + 1], [1]);
    const axis = (edges: readonly [string, string], input: number, cropped: number, shape: number[]) => {
      const positions = cropPositions(lowering, edges, input, cropped);
      const isOutside = lowering.op('Or', [
        lowering.op('Less', [positions, lowering.scalar(0)]),
        lowering.op('Greater', [positions, lowering.scalar(input - 1)]),
      ]);
      // ONNX rounds halves to even numbers, tfjs upwards.
      const half = () => lowering.op('Floor', [lowering.op('Add', [positions, lowering.scalar(0.5)])]);
      const point = isNearest ? half() : positions;
      // GridSample counts from -1 at the first pixel to 1 at the last.
      const scaled = lowering.op('Mul', [point, lowering.scalar(input > 1 ? 2 / (input - 1) : 0)]);
      const grid = lowering.op('Sub', [scaled, lowering.scalar(1)]);
      const spread = lowering.op('Expand', [
        lowering.reshape(grid, shape),
        lowering.integers([count, cropHeight, cropWidth, 1]),
      ]);
      return { spread, isOutside: lowering.reshape(isOutside, shape) };
    };
    const rows = axis([edge(0), edge(2)], height, cropHeight, [count, cropHeight, 1, 1]);
    const columns = axis([edge(1), edge(3)], width, cropWidth, [count, 1, cropWidth, 1]);
    const images = lowering.op('Gather', [lowering.first(image), lowering.last(boxInd)], { axis: 0 });
    const floats = image.dtype === 'float32' ? images : lowering.cast(images, 'float32');
    const grid = lowering.op('Concat', [columns.spread, rows.spread], { axis: -1 });
    const mode = isNearest ? 'nearest' : 'linear';
    const attributes = { mode, padding_mode: 'border', align_corners: 1 };
    const crops = lowering.transpose(lowering.op('GridSample', [floats, grid], attributes), [0, 2, 3, 1]);
    const outside = lowering.scalar(node.attributes.extrapolationValue as number);
    const isOutside = lowering.op('Or', [rows.isOutside, columns.isOutside]);
    lowering.define(output, 'last', lowering.op('Where', [isOutside, outside, crops]));
  },
});

export const resizeKernels: readonly KernelRow[] = [
  resize('ResizeBilinear', false),
  resize('ResizeNearestNeighbor', true),
  resizeGradient('ResizeBilinearGrad', false),
  resizeGradient('ResizeNearestNeighborGrad', true),
  cropAndResize,
];
