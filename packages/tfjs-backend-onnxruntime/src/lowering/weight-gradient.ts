// The gradient of a convolution with respect to its filter. For a 1x1 filter it is one matrix product. For
// larger ones it is itself a convolution, of the activations with the batch as input channels, by a filter as large
// as the image made of dy: ONNX Runtime's blocked convolution does that at the speed of its forward pass, whole
// blocks of images as blocked channels and the rest of the batch in a second, unblocked one. Where there is no
// blocked layout it is one matrix product per tap of the filter.

import type { TraceValue } from '../trace/trace-graph.ts';
import { type Geometry, usedEndPads } from './convolution-geometry.ts';
import type { Lowering } from './lowering.ts';

type ImageShape = readonly [number, number, number, number];

/** The gradient in tfjs's order, [kh, kw, in, out]. */
export function filterGradient(
  lowering: Lowering,
  x: TraceValue,
  dy: TraceValue,
  geometry: Geometry,
): string {
  const { kernel, pads } = geometry;
  if (kernel[0] === 1 && kernel[1] === 1 && pads.every((pad) => pad === 0)) {
    return pointwiseGradient(lowering, x, dy, geometry);
  }
  if (lowering.canBlock(dy)) return blockedGradient(lowering, x, dy, geometry);
  return gradientByTaps(lowering, x, dy, geometry);
}

function pointwiseGradient(lowering: Lowering, x: TraceValue, dy: TraceValue, { strides }: Geometry): string {
  const [n, height, width, inputs] = x.shape as ImageShape;
  const [, dyHeight, dyWidth, outputs] = dy.shape as ImageShape;
  let seen = lowering.last(x);
  if (strides[0] > 1 || strides[1] > 1 || height !== dyHeight || width !== dyWidth) {
    const end = [(dyHeight - 1) * strides[0] + 1, (dyWidth - 1) * strides[1] + 1];
    seen = lowering.slice(seen, [0, 0], end, [1, 2], strides);
  }
  const pixels = n * dyHeight * dyWidth;
  const left = lowering.reshape(seen, [pixels, inputs]);
  if (lowering.canBlock(dy) && pixels % lowering.blockSize === 0) {
    return blockedProduct(lowering, left, dy, inputs);
  }
  const right = lowering.reshape(lowering.last(dy), [pixels, outputs]);
  // ONNX Runtime's matrix product is up to 1.5 times as fast with the longer side as columns.
  const product =
    inputs <= outputs
      ? lowering.op('Gemm', [left, right], { transA: 1 })
      : lowering.transpose(lowering.op('Gemm', [right, left], { transA: 1 }), [1, 0]);
  return lowering.reshape(product, [1, 1, inputs, outputs]);
}

// transpose(x) * dy as a blocked 1x1 convolution, which is up to twice as fast as the matrix product: pixels are its
// channels, the channels of x its pixels, dy its filter.
function blockedProduct(lowering: Lowering, x: string, dy: TraceValue, inputs: number): string {
  const [n, height, width, outputs] = dy.shape as ImageShape;
  const b = lowering.blockSize;
  const pixels = n * height * width;
  const images = lowering.blockedOp('ReorderInput', [lowering.reshape(x, [1, pixels, inputs, 1])]);
  const byImage = lowering.reshape(lowering.blocked(dy), [n, outputs / b, height * width * b]);
  const filter = lowering.reshape(lowering.transpose(byImage, [1, 0, 2]), [outputs, pixels, 1, 1]);
  const product = lowering.blockedOp('Conv', [images, filter], { kernel_shape: [1, 1] });
  const blocks = lowering.transpose(lowering.reshape(product, [outputs / b, inputs, b]), [1, 0, 2]);
  return lowering.reshape(blocks, [1, 1, inputs, outputs]);
}

function blockedGradient(lowering: Lowering, x: TraceValue, dy: TraceValue, geometry: Geometry): string {
  const { kernel, strides, dilations, pads } = geometry;
  const [n, height, width, inputs] = x.shape as ImageShape;
  const [, dyHeight, dyWidth, outputs] = dy.shape as ImageShape;
  const b = lowering.blockSize;
  const [below, right] = usedEndPads(geometry, [height, width], [dyHeight, dyWidth]);
  const pixels = dyHeight * dyWidth;

  // Channels become the batch and the batch becomes channels, on both sides.
  let images = lowering.transpose(lowering.first(x), [1, 0, 2, 3]);
  if (pads[0] !== 0 || pads[1] !== 0 || below !== 0 || right !== 0) {
    images = lowering.op('Pad', [images, lowering.integers([0, 0, pads[0], pads[1], 0, 0, below, right])]);
  }
  const dyBlocked = lowering.blocked(dy);
  const attributes = { kernel_shape: [dyHeight, dyWidth], dilations: strides, strides: dilations };
  const wholeBlocks = n - (n % b);
  let sum: string | null = null;
  if (wholeBlocks > 0) {
    const part = wholeBlocks === n ? dyBlocked : lowering.slice(dyBlocked, [0], [wholeBlocks], [0]);
    const split = lowering.reshape(part, [wholeBlocks / b, b, outputs / b, pixels, b]);
    const filter = lowering.reshape(lowering.transpose(split, [2, 0, 3, 1, 4]), [
      outputs,
      wholeBlocks,
      dyHeight,
      dyWidth,
    ]);
    const channels = wholeBlocks === n ? images : lowering.slice(images, [0], [wholeBlocks], [1]);
    sum = lowering.blockedOp('Conv', [lowering.blockedOp('ReorderInput', [channels]), filter], attributes);
  }
  if (wholeBlocks < n) {
    const rest = n - wholeBlocks;
    const part = wholeBlocks === 0 ? dyBlocked : lowering.slice(dyBlocked, [wholeBlocks], [n], [0]);
    const split = lowering.reshape(part, [rest, outputs / b, pixels, b]);
    const filter = lowering.reshape(lowering.transpose(split, [1, 0, 2, 3]), [
      outputs,
      rest,
      dyHeight,
      dyWidth,
    ]);
    const channels = wholeBlocks === 0 ? images : lowering.slice(images, [wholeBlocks], [n], [1]);
    sum = lowering.blockedOp('Conv', [channels, filter, ...(sum === null ? [] : ['', sum])], attributes);
  }
  const byTap = lowering.reshape(sum!, [inputs, outputs / b, kernel[0] * kernel[1], b]);
  return lowering.reshape(lowering.transpose(byTap, [2, 0, 1, 3]), [kernel[0], kernel[1], inputs, outputs]);
}

function gradientByTaps(lowering: Lowering, x: TraceValue, dy: TraceValue, geometry: Geometry): string {
  const { kernel, strides, dilations, pads } = geometry;
  const [n, height, width, inputs] = x.shape as ImageShape;
  const [, dyHeight, dyWidth, outputs] = dy.shape as ImageShape;
  const [below, right] = usedEndPads(geometry, [height, width], [dyHeight, dyWidth]);
  const padding = [0, pads[0], pads[1], 0, 0, Math.max(below, 0), Math.max(right, 0), 0];
  const padded = padding.some((pad) => pad > 0)
    ? lowering.op('Pad', [lowering.last(x), lowering.integers(padding)])
    : lowering.last(x);
  const pixels = n * dyHeight * dyWidth;
  const upstream = lowering.reshape(lowering.transpose(lowering.first(dy), [1, 0, 2, 3]), [outputs, pixels]);
  const taps: string[] = [];
  for (let row = 0; row < kernel[0]; row++) {
    for (let column = 0; column < kernel[1]; column++) {
      const begin = [row * dilations[0], column * dilations[1]];
      const end = [begin[0]! + (dyHeight - 1) * strides[0] + 1, begin[1]! + (dyWidth - 1) * strides[1] + 1];
      const seen = lowering.slice(padded, begin, end, [1, 2], strides);
      taps.push(lowering.op('MatMul', [upstream, lowering.reshape(seen, [pixels, inputs])]));
    }
  }
  const byTap = taps.length === 1 ? taps[0]! : lowering.op('Concat', taps, { axis: 1 });
  return lowering.reshape(lowering.transpose(byTap, [1, 0]), [kernel[0], kernel[1], inputs, outputs]);
}

/** The gradient of a depthwise filter, [kh, kw, C, multiplier]. */
export function depthwiseFilterGradient(
  lowering: Lowering,
  x: TraceValue,
  dy: TraceValue,
  geometry: Geometry,
  multiplier: number,
): string {
  if (multiplier === 1 && lowering.canBlock(x)) return blockedDepthwiseGradient(lowering, x, dy, geometry);
  return depthwiseGradientByTaps(lowering, x, dy, geometry, multiplier);
}

// Every channel of every image is a channel of one large depthwise convolution whose filter is dy.
function blockedDepthwiseGradient(
  lowering: Lowering,
  x: TraceValue,
  dy: TraceValue,
  geometry: Geometry,
): string {
  const { kernel, strides, dilations, pads } = geometry;
  const [n, height, width, channels] = x.shape as ImageShape;
  const [, dyHeight, dyWidth] = dy.shape as ImageShape;
  const b = lowering.blockSize;
  const [below, right] = usedEndPads(geometry, [height, width], [dyHeight, dyWidth]);
  const usedHeight = height + Math.min(below, 0);
  const usedWidth = width + Math.min(right, 0);
  let images = lowering.blocked(x);
  if (usedHeight < height || usedWidth < width) {
    images = lowering.reshape(images, [(n * channels) / b, height, width, b]);
    images = lowering.slice(images, [0, 0], [usedHeight, usedWidth], [1, 2]);
  }
  const perImage = lowering.blockedOp(
    'Conv',
    [
      lowering.reshape(images, [1, n * channels, usedHeight, usedWidth]),
      lowering.reshape(lowering.blocked(dy), [n * channels, 1, dyHeight, dyWidth]),
    ],
    {
      kernel_shape: [dyHeight, dyWidth],
      dilations: strides,
      strides: dilations,
      pads: [pads[0], pads[1], Math.max(below, 0), Math.max(right, 0)],
      group: n * channels,
    },
  );
  const summed = lowering.reduceSum(
    lowering.reshape(perImage, [n, channels / b, kernel[0] * kernel[1], b]),
    [0],
  );
  return lowering.reshape(lowering.transpose(summed, [1, 0, 2]), [kernel[0], kernel[1], channels, 1]);
}

function depthwiseGradientByTaps(
  lowering: Lowering,
  x: TraceValue,
  dy: TraceValue,
  geometry: Geometry,
  multiplier: number,
): string {
  const { kernel, strides, dilations, pads } = geometry;
  const [n, height, width, channels] = x.shape as ImageShape;
  const [, dyHeight, dyWidth] = dy.shape as ImageShape;
  const [below, right] = usedEndPads(geometry, [height, width], [dyHeight, dyWidth]);
  const padding = lowering.integers([0, 0, pads[0], pads[1], 0, 0, below, right]);
  const padded = lowering.op('Pad', [lowering.first(x), padding]);
  const upstream = lowering.reshape(lowering.first(dy), [n, channels, multiplier, dyHeight, dyWidth]);
  const taps: string[] = [];
  for (let row = 0; row < kernel[0]; row++) {
    for (let column = 0; column < kernel[1]; column++) {
      const begin = [row * dilations[0], column * dilations[1]];
      const end = [begin[0]! + (dyHeight - 1) * strides[0] + 1, begin[1]! + (dyWidth - 1) * strides[1] + 1];
      const seen = lowering.slice(padded, begin, end, [2, 3], strides);
      const product = lowering.op('Mul', [
        lowering.reshape(seen, [n, channels, 1, dyHeight, dyWidth]),
        upstream,
      ]);
      taps.push(lowering.reshape(lowering.reduceSum(product, [0, 3, 4]), [1, channels, multiplier]));
    }
  }
  const byTap = taps.length === 1 ? taps[0]! : lowering.op('Concat', taps, { axis: 0 });
  return lowering.reshape(byTap, [kernel[0], kernel[1], channels, multiplier]);
}
