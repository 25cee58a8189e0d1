// Kernels that move, repeat, pick, put or make elements, and those that sample images at other points.

import * as tf from '@tensorflow/tfjs-core';
import { type Draws, type Given, sizeOf } from '../draws.ts';
import type { RandomCall } from './random-call.ts';

type Make = (draws: Draws, shape: readonly number[]) => Given;

const makes: readonly Make[] = [
  (draws, shape) => draws.hard(shape),
  (draws, shape) => draws.wideIntegers(shape),
  (draws, shape) => draws.bools(shape),
];
const any = (draws: Draws, shape: readonly number[]) => draws.pick(makes)(draws, shape);

function subject(draws: Draws, lowest = 0, highest = 6): Given {
  const make = draws.pick(makes);
  const isImage = lowest <= 4 && highest >= 4 && draws.chance(0.3);
  return isImage ? draws.image((shape) => make(draws, shape)) : make(draws, draws.shape(lowest, highest));
}

const axesOf = ({ shape }: Given) => shape.map((_, axis) => axis);

function moved(
  kernel: string,
  attributes: (draws: Draws, x: Given) => object,
  lowest = 0,
  name = 'x',
): RandomCall {
  return {
    kernel,
    draw(draws) {
      const x = subject(draws, lowest);
      return { inputs: { [name]: x }, attributes: attributes(draws, x) };
    },
  };
}

/** The parts that a length falls into. */
function parts(draws: Draws, length: number): number[] {
  const cut = draws.integer(0, length);
  return draws.chance(0.5) ? [cut, length - cut] : [length];
}

/** tfjs's CPU kernel fails where the end is before the begin, and at single positions if anything has a stride: those are left out. */
function stridedSlice(draws: Draws, x: Given): object {
  const { shape } = x;
  const bounds = () => shape.map((size) => draws.integer(-size - 2, size + 2));
  const mask = (of: (axis: number) => boolean) =>
    shape.reduce((bits, _, axis) => (of(axis) && draws.chance(0.25) ? bits | (1 << axis) : bits), 0);
  for (;;) {
    const [begin, end] = [bounds(), bounds()];
    const strides = shape.map(() => draws.pick([1, 1, 2, 3, -1, -2]));
    const isPosition = (axis: number) =>
      strides.every((stride) => stride === 1) && begin[axis]! >= 0 && begin[axis]! < shape[axis]!;
    const shrinkAxisMask = mask(isPosition);
    const beginMask = mask((axis) => (shrinkAxisMask & (1 << axis)) === 0);
    const endMask = mask(() => true);
    const hasEllipsis = shape.length > 1 && shrinkAxisMask === 0 && draws.chance(0.2);
    const ellipsisMask = hasEllipsis ? 1 << draws.integer(0, shape.length - 1) : 0;
    const masks = [beginMask, endMask, ellipsisMask, 0, shrinkAxisMask] as const;
    const found = tf.slice_util.sliceInfo([...shape], begin, end, strides, ...masks);
    if (found.begin!.some((first, axis) => found.strides![axis] === 1 && first > found.end![axis]!)) continue;
    return { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask: 0, shrinkAxisMask };
  }
}

/** Indices of elements, rows, ... of a shape. */
function places(draws: Draws, shape: readonly number[], depth: number, count: number): Given {
  const values = Array.from({ length: count }, () =>
    shape.slice(0, depth).map((size) => draws.integer(0, size - 1)),
  );
  return { values: Int32Array.from(values.flat()), shape: [count, depth], dtype: 'int32' };
}

const moving: readonly RandomCall[] = [
  moved('Identity', () => ({})),
  moved(
    'Reshape',
    (draws, x) => ({
      shape: draws.chance(0.5) && sizeOf(x.shape) > 0 ? [-1, ...x.shape.slice(-1)] : [sizeOf(x.shape)],
    }),
    1,
  ),
  moved(
    'ExpandDims',
    (draws, x) => ({ dim: draws.integer(-x.shape.length - 1, x.shape.length) }),
    0,
    'input',
  ),
  moved('Transpose', (draws, x) => ({ perm: draws.shuffled(axesOf(x)) })),
  moved('Tile', (draws, x) => ({ reps: x.shape.map(() => draws.pick([1, 1, 2, 3, 0])) }), 1),
  moved('Reverse', (draws, x) => ({
    dims: draws.shuffled(axesOf(x)).slice(0, draws.integer(0, x.shape.length)),
  })),
  moved(
    'Slice',
    (draws, x) => {
      const begin = x.shape.map((size) => draws.integer(0, size));
      return {
        begin,
        size: x.shape.map((size, axis) => (draws.chance(0.3) ? -1 : draws.integer(0, size - begin[axis]!))),
      };
    },
    1,
  ),
  moved('StridedSlice', stridedSlice, 1),
  moved(
    'PadV2',
    (draws, x) => ({
      paddings: x.shape.map(() => [draws.integer(0, 2), draws.integer(0, 2)]),
      constantValue: x.dtype === 'bool' ? draws.integer(0, 1) : draws.pick([0, 1, -3, 7]),
    }),
    1,
  ),
  {
    kernel: 'MirrorPad',
    draw(draws) {
      const x = any(draws, draws.shape(1, 5, false));
      const mode = draws.pick(['reflect', 'symmetric']);
      const most = (size: number) => Math.min(2, mode === 'reflect' ? size - 1 : size);
      return {
        inputs: { x },
        attributes: {
          mode,
          paddings: x.shape.map((size) => [draws.integer(0, most(size)), draws.integer(0, most(size))]),
        },
      };
    },
  },
  moved(
    'SplitV',
    (draws, x) => {
      const axis = draws.integer(0, x.shape.length - 1);
      return { axis, numOrSizeSplits: parts(draws, x.shape[axis]!) };
    },
    1,
  ),
  moved('Unpack', (draws, x) => ({ axis: draws.integer(-x.shape.length, x.shape.length - 1) }), 1, 'value'),
  {
    kernel: 'BroadcastTo',
    reference: ([x], { attributes }) => tf.broadcastTo(x!, (attributes as { shape: number[] }).shape),
    draw(draws) {
      const [shape, small] = draws.broadcast(2, draws.shape(1)) as [number[], number[]];
      return { inputs: { x: any(draws, small) }, attributes: { shape } };
    },
  },
  ...['Concat', 'Pack'].map(
    (kernel): RandomCall => ({
      kernel,
      draw(draws) {
        const make = draws.pick(makes);
        const shape = draws.shape(1, 5);
        const axis = draws.integer(0, shape.length - (kernel === 'Concat' ? 1 : 0));
        const of = () => (kernel === 'Concat' ? shape.with(axis, draws.integer(0, 3)) : shape);
        return {
          inputs: Array.from({ length: draws.integer(1, 4) }, () => make(draws, of())),
          attributes: { axis },
        };
      },
    }),
  ),
  {
    kernel: 'FlipLeftRight',
    draw: (draws) => ({ inputs: { image: draws.image((shape) => draws.hard(shape)) } }),
  },
  {
    kernel: 'DepthToSpace',
    draw(draws) {
      const blockSize = draws.integer(1, 3);
      // tfjs's CPU kernel goes through float32.
      const make = draws.pick<Make>([makes[0]!, (from, shape) => from.integers(shape)]);
      const x = make(draws, [
        draws.integer(1, 2),
        draws.integer(1, 4),
        draws.integer(1, 4),
        blockSize ** 2 * draws.integer(1, 3),
      ]);
      return { inputs: { x }, attributes: { blockSize, dataFormat: 'NHWC' } };
    },
  },
  ...['SpaceToBatchND', 'BatchToSpaceND'].map(
    (kernel): RandomCall => ({
      kernel,
      draw(draws) {
        const blockShape = [draws.integer(1, 3), draws.integer(1, 3)].slice(0, draws.integer(1, 2));
        const spatial = blockShape.map(() => draws.integer(2, 4));
        const rest = draws.chance(0.5) ? [draws.integer(1, 3)] : [];
        const edges = blockShape.map(() => [draws.integer(0, 1), draws.integer(0, 1)] as [number, number]);
        if (kernel === 'BatchToSpaceND') {
          const shape = [sizeOf(blockShape) * draws.integer(1, 2), ...spatial, ...rest];
          const crops = edges.map((edge, i) => (spatial[i]! * blockShape[i]! > 2 ? edge : [0, 0]));
          return { inputs: { x: any(draws, shape) }, attributes: { blockShape, crops } };
        }
        const sizes = spatial.map(
          (size, i) => size * blockShape[i]! + 2 * blockShape[i]! - edges[i]![0] - edges[i]![1],
        );
        return {
          inputs: { x: any(draws, [draws.integer(1, 2), ...sizes, ...rest]) },
          attributes: { blockShape, paddings: edges },
        };
      },
    }),
  ),
];

const indexing: readonly RandomCall[] = [
  {
    kernel: 'OneHot',
    draw: (draws) => ({
      inputs: { indices: draws.integers(draws.shape(0, 4), -1, 4) },
      attributes: {
        depth: draws.integer(1, 4),
        onValue: draws.pick([1, 5]),
        offValue: draws.pick([0, -2]),
        dtype: draws.pick(['float32', 'int32']),
      },
    }),
  },
  {
    kernel: 'GatherV2',
    draw(draws) {
      const batchDims = draws.pick([0, 0, 1]);
      const shape = draws.shape(batchDims + 1, 4, false);
      const axis = draws.integer(batchDims, shape.length - 1);
      const batches = shape.slice(0, batchDims);
      const indices = draws.integers([...batches, ...draws.shape(0, 2)], 0, shape[axis]! - 1);
      return { inputs: { x: any(draws, shape), indices }, attributes: { axis, batchDims } };
    },
  },
  {
    kernel: 'GatherNd',
    draw(draws) {
      const shape = draws.shape(1, 4, false);
      const depth = draws.integer(1, shape.length);
      return {
        inputs: { params: any(draws, shape), indices: places(draws, shape, depth, draws.integer(1, 4)) },
      };
    },
  },
  ...['ScatterNd', 'TensorScatterUpdate', 'SparseToDense'].map(
    (kernel): RandomCall => ({
      kernel,
      ofLargest: 2e-6,
      draw(draws) {
        const isSparse = kernel === 'SparseToDense';
        const shape = draws.shape(1, 4, false);
        const depth = isSparse ? shape.length : draws.integer(1, shape.length);
        const indices = places(draws, shape, depth, draws.integer(0, 4));
        const make = draws.pick<Make>([
          (from, size) => from.plain(size),
          (from, size) => from.wideIntegers(size),
        ]);
        const updates = make(draws, [indices.shape[0]!, ...shape.slice(depth)]);
        if (kernel === 'ScatterNd') return { inputs: { indices, updates }, attributes: { shape } };
        if (!isSparse) return { inputs: { tensor: make(draws, shape), indices, updates } };
        const sparseValues = draws.chance(0.2) ? make(draws, []) : updates;
        return {
          inputs: { sparseIndices: indices, sparseValues, defaultValue: make(draws, []) },
          attributes: { outputShape: shape },
        };
      },
    }),
  ),
  { kernel: 'Diag', draw: (draws) => ({ inputs: { x: any(draws, draws.shape(1, 3)) } }) },
];

const making: readonly RandomCall[] = [
  {
    kernel: 'Fill',
    draw: (draws) => ({
      inputs: {},
      attributes: {
        shape: draws.shape(),
        value: draws.pick([0, 1, -2.5, 7]),
        dtype: draws.pick(['float32', 'int32']),
      },
    }),
  },
  moved('ZerosLike', () => ({})),
  moved('OnesLike', () => ({})),
  {
    kernel: 'Range',
    draw(draws) {
      const start = draws.integer(-5, 5);
      const isInteger = draws.chance(0.5);
      // Downwards by steps between 0 and 1, or by half numbers with a step left out, tfjs's CPU backend counts in another way.
      const step = draws.pick(isInteger ? [1, 2, 3] : [1, 0.5, 2.5]);
      const stop = start + draws.integer(0, 9);
      return { inputs: {}, attributes: { start, stop, step, dtype: isInteger ? 'int32' : 'float32' } };
    },
  },
  {
    kernel: 'LinSpace',
    draw: (draws) => ({
      inputs: {},
      attributes: { start: draws.integer(-3, 3), stop: draws.integer(-3, 3), num: draws.integer(1, 9) },
    }),
  },
];

const samplingModes = [
  { alignCorners: false, halfPixelCenters: false },
  { alignCorners: true, halfPixelCenters: false },
  { alignCorners: false, halfPixelCenters: true },
];

const sampling: readonly RandomCall[] = [
  ...['ResizeBilinear', 'ResizeNearestNeighbor'].map(
    (kernel): RandomCall => ({
      kernel,
      ofLargest: 2e-6,
      draw: (draws) => ({
        inputs: {
          images: draws.image(
            draws.pick<(shape: readonly number[]) => Given>([
              (shape) => draws.plain(shape),
              (shape) => draws.integers(shape),
            ]),
          ),
        },
        attributes: { ...draws.pick(samplingModes), size: [draws.integer(1, 12), draws.integer(1, 12)] },
      }),
    }),
  ),
  ...['ResizeBilinearGrad', 'ResizeNearestNeighborGrad'].map(
    (kernel): RandomCall => ({
      kernel,
      ofLargest: 2e-6,
      // tfjs's CPU backend is right for one square image without half pixels only, and of one pixel never ends.
      draw(draws) {
        const side = draws.integer(2, 8);
        const channels = draws.integer(1, 4);
        const [height, width] = [draws.integer(1, 9), draws.integer(1, 9)];
        return {
          inputs: {
            images: draws.plain([1, side, side, channels]),
            dy: draws.plain([1, height, width, channels]),
          },
          attributes: { ...draws.pick(samplingModes.slice(0, 2)), size: [height, width] },
        };
      },
    }),
  ),
  {
    kernel: 'CropAndResize',
    relative: 1e-4,
    ofLargest: 1e-5,
    draw(draws) {
      const image = draws.image((shape) => draws.plain(shape));
      const count = draws.integer(1, 3);
      // Edges between pixels: on them, rounding decides between inside and outside.
      const boxes = draws.floats([count, 4], 1.2);
      return {
        inputs: { image, boxes, boxInd: draws.integers([count], 0, image.shape[0]! - 1) },
        attributes: {
          method: draws.pick(['bilinear', 'nearest']),
          extrapolationValue: draws.pick([0, -1.5]),
          cropSize: [draws.integer(1, 6), draws.integer(1, 6)],
        },
      };
    },
  },
];

export const arrangementCalls: readonly RandomCall[] = [...moving, ...indexing, ...making, ...sampling];
