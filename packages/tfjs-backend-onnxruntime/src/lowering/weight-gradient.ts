// The gradient of a convolution with respect to its filter. For a 1x1 filter it is one matrix product. For
// larger ones it is itself a convolution, of the activations with the batch as input channels, by a filter as large
// as the image made of dy: ONNX Runtime's blocked convolution does that at the speed of its forward pass, whole
// blocks of images as blocked channels and the rest of the batch in a second, unblocked one. Where there is no
// blocked layout it is one matrix product per tap of the filter.

import type { TraceValue } from '../trace/trace-graph.ts';
import { type Geometry, kernelExtent, usedEndPads } from './convolution-geometry.ts';
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

function pointwiseGradient(lowering: Lowering, x: TraceValue, dy: TraceValue, geometry: Geometry): string {
  const [n, height, width, inputs] = x.shape as ImageShape;
  const [, dyHeight, dyWidth, outputs] = dy.shape as ImageShape;
  const pixels = n * dyHeight * dyWidth;
  const { strides } = geometry;
  const seesAll = strides[0] === 1 && strides[1] === 1 && height === dyHeight && width === dyWidth;
  const fits = lowering.blockSize > 0 && pixels % lowering.blockSize === 0;
  if (fits && lowering.canBlock(dy) && lowering.canBlock(x) && seesAll) {
    // The smaller of the two is the one that has to be put in another order altogether.
    const product =
      inputs <= outputs
        ? lowering.transpose(blockedProduct(lowering, x, dy), [1, 0, 2])
        : lowering.transpose(blockedProduct(lowering, dy, x), [0, 2, 1]);
    return lowering.reshape(product, [1, 1, inputs, outputs]);
  }
  let seen = lowering.last(x);
  if (!seesAll) {
    const end = [(dyHeight - 1) * strides[0] + 1, (dyWidth - 1) * strides[1] + 1];
    seen = lowering.slice(seen, [0, 0], end, [1, 2], strides);
  }
  const left = lowering.reshape(seen, [pixels, inputs]);
  const right = lowering.reshape(lowering.last(dy), [pixels, outputs]);
  // ONNX Runtime's matrix product is up to 1.5 times as fast with the longer side as columns.
  const product =
    inputs <= outputs
      ? lowering.product('Gemm', [left, right], { transA: 1 })
      : lowering.transpose(lowering.product('Gemm', [right, left], { transA: 1 }), [1, 0]);
  return lowering.reshape(product, [1, 1, inputs, outputs]);
}

// The products of all channels of `a` with all channels of `b`, as [B/b, A, b], by a blocked 1x1 convolution, which is up
// to twice as fast as the matrix product: pixels are its channels, the channels of `a` its pixels, `b` its filter.
function blockedProduct(lowering: Lowering, a: TraceValue, b: TraceValue): string {
  const [n, height, width, rows] = a.shape as ImageShape;
  const columns = b.shape[3]!;
  const block = lowering.blockSize;
  const size = height * width;
  const pixels = n * size;
  const filter = lowering.swapOuter(lowering.blocked(b), [n, columns / block, size * block]);
  const product = lowering.blockedOp(
    'Conv',
    [pixelBlocks(lowering, a), lowering.reshape(filter, [columns, pixels, 1, 1])],
    { kernel_shape: [1, 1] },
  );
  return lowering.reshape(product, [columns / block, rows, block]);
}

/** [n,h,w,C] -> [1, n*h*w, C, 1] with pixels in blocks. */
function pixelBlocks(lowering: Lowering, x: TraceValue): string {
  const [n, height, width, channels] = x.shape as ImageShape;
  const size = height * width;
  // Through NCHW where that works, because the other reorder runs on one thread.
  if (size % lowering.blockSize === 0 && lowering.primary(x) === 'blocked') {
    const asRows = lowering.reshape(lowering.first(x), [n, channels, 1, size]);
    const blocks = lowering.blockedOp('ReorderInput', [asRows], { channels_last: 1 });
    return lowering.reshape(blocks, [1, n * size, channels, 1]);
  }
  const asImage = lowering.reshape(lowering.last(x), [1, n * size, channels, 1]);
  return lowering.blockedOp('ReorderInput', [asImage]);
}

// dy as a filter is used again for every channel of x. Beyond the second number of bytes it comes from main memory
// each time, which one core can bear and two cannot; parts of the first size stay in a core's cache.
const filterPartBytes = 3.5 * 2 ** 20;
const largestFilterBytes = 8 * 2 ** 20;

/** Images and rows of dy, [from, to). */
interface Part {
  readonly images: readonly [number, number];
  readonly rows: readonly [number, number];
}

function ranges(total: number, step: number): [number, number][] {
  return Array.from({ length: Math.ceil(total / step) }, (_, i) => [
    i * step,
    Math.min(total, (i + 1) * step),
  ]);
}

/** Whole blocks of images, as many and as many of their rows as suit the cache; the rest of the images in the end. */
function gradientParts([n, height, width, outputs]: ImageShape, block: number): Part[] {
  const rowBytes = block * width * outputs * 4;
  const imageBytes = height * rowBytes;
  const wholeBlocks = n - (n % block);
  let images = Math.max(wholeBlocks, block);
  let rows = height;
  if ((wholeBlocks / block) * imageBytes > largestFilterBytes) {
    images = Math.max(1, Math.floor(filterPartBytes / imageBytes)) * block;
    if (imageBytes > largestFilterBytes) rows = Math.max(1, Math.floor(filterPartBytes / rowBytes));
  }
  const whole = ranges(wholeBlocks, images).flatMap((range) =>
    ranges(height, rows).map((rowRange): Part => ({ images: range, rows: rowRange })),
  );
  return wholeBlocks === n ? whole : [...whole, { images: [wholeBlocks, n], rows: [0, height] }];
}

function blockedGradient(lowering: Lowering, x: TraceValue, dy: TraceValue, geometry: Geometry): string {
  const { kernel, strides, dilations, pads } = geometry;
  const [n, height, width, inputs] = x.shape as ImageShape;
  const [, dyHeight, dyWidth, outputs] = dy.shape as ImageShape;
  const b = lowering.blockSize;
  const [, right] = usedEndPads(geometry, [height, width], [dyHeight, dyWidth]);
  const reach = kernelExtent(geometry)[0] - 1;

  // Channels become the batch and the batch becomes channels, on both sides: reorders, and whole rows that move.
  const byChannel = lowering.swapOuter(lowering.first(x), [n, inputs, height * width]);
  const images = lowering.reshape(byChannel, [inputs, n, height, width]);
  const wholeBlocks = n - (n % b);
  const blocks =
    wholeBlocks > 0 ? imageBlocks(lowering, images, [inputs, wholeBlocks, height, width], n) : '';
  const dyBlocked = lowering.blocked(dy);
  let sum: string | null = null;
  for (const part of gradientParts([n, dyHeight, dyWidth, outputs], b)) {
    const [from, to] = part.images;
    const [firstRow, endRow] = part.rows;
    const [count, rows] = [to - from, endRow - firstRow];
    // Where the rows that are needed end, on both sides outside the image or (negative) inside it.
    const above = pads[0] - firstRow * strides[0];
    const below = (endRow - 1) * strides[0] + reach + 1 - pads[0] - height;
    const isWhole = to <= wholeBlocks;
    const margins = isWhole
      ? [0, -from / b, above, pads[1] * b, 0, (to - wholeBlocks) / b, below, right * b]
      : [0, -from, above, pads[1], 0, to - n, below, right];
    const seen = lowering.pad(isWhole ? blocks : images, margins);
    let upstream = lowering.reshape(dyBlocked, [n, outputs / b, dyHeight, dyWidth * b]);
    if (count < n || rows < dyHeight) {
      upstream = lowering.slice(upstream, [from, firstRow], [to, endRow], [0, 2]);
    }
    const operands = [
      lowering.reshape(seen, [inputs, count, height + above + below, width + pads[1] + right]),
      imagesAsFilter(lowering, upstream, [count, rows, dyWidth, outputs]),
    ];
    if (sum !== null) operands.push('', sum);
    const attributes = { kernel_shape: [rows, dyWidth], dilations: strides, strides: dilations };
    sum = lowering.blockedOp('Conv', operands, attributes);
  }
  const byTap = lowering.reshape(sum!, [inputs, outputs / b, kernel[0] * kernel[1], b]);
  return lowering.reshape(lowering.transpose(byTap, [2, 0, 1, 3]), [kernel[0], kernel[1], inputs, outputs]);
}

/** The first `count` of n images of [C,n,h,w], in blocks: [C, count/b, h, w*b]. */
function imageBlocks(
  lowering: Lowering,
  images: string,
  [channels, count, height, width]: ImageShape,
  n: number,
): string {
  const b = lowering.blockSize;
  const used = count < n ? lowering.slice(images, [0], [count], [1]) : images;
  return lowering.reshape(lowering.blockedOp('ReorderInput', [used]), [
    channels,
    count / b,
    height,
    width * b,
  ]);
}

/** Blocked images [count, C/b, h, w*b] as a filter with C outputs and `count` inputs, in blocks where they fill them. */
export function imagesAsFilter(
  lowering: Lowering,
  images: string,
  [count, height, width, channels]: ImageShape,
): string {
  const b = lowering.blockSize;
  const size = height * width;
  const shape = [channels, count, height, width];
  if (count % b !== 0) {
    return lowering.reshape(lowering.swapOuter(images, [count, channels / b, size * b]), shape);
  }
  // Read as channels last, with b images as pixels and all the rest as channels, it is the reorder of an image.
  const asPixels = lowering.reshape(images, [count / b, b, 1, channels * size]);
  const tiles = lowering.blockedOp('ReorderInput', [asPixels], { channels_last: 1 });
  return lowering.reshape(lowering.swapOuter(tiles, [count / b, channels / b, size * b * b]), shape);
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
      taps.push(lowering.product('MatMul', [upstream, lowering.reshape(seen, [pixels, inputs])]));
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
