// Convolutions and pools of images and volumes, with their gradients: kernel sizes, strides, dilations, padding of every kind, and
// numbers of windows that are rounded up.

import { backend_util } from '@tensorflow/tfjs-core';
import { blockedChannels, type Draws, type Given } from '../draws.ts';
import type { Call, RandomCall } from './random-call.ts';

type Four = [number, number, number, number];
type Five = [number, number, number, number, number];

interface Window {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pad: 'same' | 'valid' | number | backend_util.ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'ceil' | 'round';
}

/** A window that fits into images of at least five by five. */
function window(draws: Draws, withDilations: boolean, withSides = true): Window {
  const pair = (low: number, high: number): [number, number] => {
    const first = draws.integer(low, high);
    return [first, draws.chance(0.3) ? draws.integer(low, high) : first];
  };
  const size = pair(1, 3);
  const isDilated = withDilations && draws.chance(0.25);
  const strides = isDilated ? ([1, 1] as const) : pair(1, 3);
  const side = () => [draws.integer(0, 2), draws.integer(0, 2)] as [number, number];
  const pads = ['same', 'valid', draws.integer(0, 2), [[0, 0], side(), side(), [0, 0]]] as const;
  const pad = draws.pick(withSides ? pads : pads.slice(0, 3)) as Window['pad'];
  const dilations = isDilated ? pair(1, 2) : ([1, 1] as const);
  if (typeof pad === 'string' || draws.chance(0.6)) return { size, strides, dilations, pad };
  return { size, strides, dilations, pad, dimRoundingMode: draws.pick(['floor', 'ceil', 'round']) };
}

const batch = (draws: Draws) => draws.pick([1, 2, 3, blockedChannels]);
const channels = (draws: Draws) => (draws.chance(0.5) ? blockedChannels : draws.integer(1, 5));

function attributesOf({ strides, pad, dilations, dimRoundingMode }: Window): object {
  return { strides, pad, dilations, dimRoundingMode, dataFormat: 'NHWC' };
}

function convolution(draws: Draws, isDepthwise: boolean, withDilations: boolean) {
  const inputs = channels(draws);
  const shape: Four = [batch(draws), draws.integer(5, 8), draws.integer(5, 8), inputs];
  const window_ = window(draws, withDilations);
  const outputs = isDepthwise ? (draws.chance(0.7) ? 1 : 2) : channels(draws);
  const filter: Four = [...window_.size, inputs, outputs] as Four;
  const { strides, dilations, pad, dimRoundingMode } = window_;
  const { outShape } = backend_util.computeConv2DInfo(
    shape,
    filter,
    strides as [number, number],
    dilations as [number, number],
    pad,
    dimRoundingMode,
    isDepthwise,
  );
  return { shape, filter, y: outShape, attributes: attributesOf(window_) };
}

function convolved(draws: Draws, shape: readonly number[], given = draws.plain(shape)): Given {
  return { ...given, isConvolved: shape[3] === blockedChannels && draws.chance(0.5) };
}

function convolutions(kernel: string, isDepthwise: boolean): RandomCall[] {
  const suffix = isDepthwise ? 'Native' : '';
  const drawer = (draw: (draws: Draws) => Call, name: string): RandomCall => ({
    kernel: `${kernel}${suffix}${name}`,
    draw,
    relative: 1e-4,
    ofLargest: 5e-6,
  });
  return [
    drawer((draws) => {
      const { shape, filter, attributes } = convolution(draws, isDepthwise, true);
      return { inputs: { x: convolved(draws, shape), filter: draws.plain(filter, 1) }, attributes };
    }, ''),
    drawer((draws) => {
      const { shape, filter, y, attributes } = convolution(draws, isDepthwise, false);
      return {
        inputs: { dy: convolved(draws, y), filter: draws.plain(filter, 1) },
        attributes: { ...attributes, inputShape: shape },
      };
    }, 'BackpropInput'),
    drawer((draws) => {
      const { shape, filter, y, attributes } = convolution(draws, isDepthwise, false);
      const isEmpty = draws.chance(0.05);
      const of = ([n, ...rest]: readonly number[]) => [isEmpty ? 0 : n!, ...rest];
      return {
        inputs: { x: convolved(draws, of(shape)), dy: convolved(draws, of(y)) },
        attributes: { ...attributes, filterShape: filter },
      };
    }, 'BackpropFilter'),
  ];
}

function fused(kernel: string, isDepthwise: boolean): RandomCall {
  return {
    kernel,
    relative: 1e-4,
    ofLargest: 5e-6,
    draw(draws) {
      const { shape, filter, y, attributes } = convolution(draws, isDepthwise, true);
      const activation = draws.pick(['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu']);
      return {
        inputs: {
          x: convolved(draws, shape),
          filter: draws.plain(filter, 1),
          bias: draws.plain(y.slice(3)),
          preluActivationWeights: draws.plain(y.slice(3), 1.5),
        },
        attributes: { ...attributes, activation, leakyreluAlpha: 0.3 },
      };
    },
  };
}

/** Windows of pools: none lies in padding altogether, for which tfjs's CPU backend has no average. */
function poolWindow(draws: Draws, canLieInPadding: boolean): Window {
  for (;;) {
    const drawn = window(draws, false);
    const { pad, size, strides, dimRoundingMode } = drawn;
    const widest = typeof pad === 'number' ? pad : typeof pad === 'string' ? 0 : Math.max(...pad.flat());
    const isWide =
      widest >= Math.min(...size) || (dimRoundingMode !== undefined && widest + 1 >= Math.min(...size));
    // With one number for padding, tfjs counts columns by the height of windows and strides: some may lie beyond the image.
    const isMiscounted = typeof pad === 'number' && (size[0] !== size[1] || strides[0] !== strides[1]);
    if (canLieInPadding || !(isWide || isMiscounted)) return drawn;
  }
}

function poolAttributes({ size, strides, pad, dimRoundingMode }: Window): object {
  return { filterSize: size, strides, pad, dimRoundingMode };
}

function pooledShape(shape: Four, { size, strides, pad, dimRoundingMode }: Window): number[] {
  const pair = (x: readonly [number, number]) => [...x] as [number, number];
  return backend_util.computePool2DInfo(shape, pair(size), pair(strides), 1, pad, dimRoundingMode).outShape;
}

const imageShape = (draws: Draws): Four => [
  draws.integer(1, 2),
  draws.integer(5, 8),
  draws.integer(5, 8),
  channels(draws),
];

function pool(kernel: 'MaxPool' | 'AvgPool'): RandomCall {
  return {
    kernel,
    ofLargest: 2e-6,
    draw(draws) {
      const shape = imageShape(draws);
      const others = draws.chance(0.3) ? [Number.NaN, -Infinity, Infinity] : [];
      const floats = () => convolved(draws, shape, draws.floats(shape, 3, others));
      const x = draws.chance(0.2) ? draws.integers(shape) : floats();
      return { inputs: { x }, attributes: poolAttributes(poolWindow(draws, kernel === 'MaxPool')) };
    },
  };
}

const volumeShape = (draws: Draws): Five => [
  draws.integer(1, 2),
  draws.integer(4, 6),
  draws.integer(4, 6),
  draws.integer(4, 6),
  draws.integer(1, 3),
];

function volumeWindow(draws: Draws) {
  const triple = (low: number, high: number) =>
    Array.from({ length: 3 }, () => draws.integer(low, high)) as [number, number, number];
  const pad = draws.pick(['same', 'valid', 1] as const);
  const rounding =
    pad === 1 && draws.chance(0.5) ? { dimRoundingMode: draws.pick(['floor', 'ceil'] as const) } : {};
  return { filterSize: triple(2, 3), strides: triple(1, 2), pad, ...rounding };
}

function volumePools(): RandomCall[] {
  const forward = ['MaxPool3D', 'AvgPool3D'].map(
    (kernel): RandomCall => ({
      kernel,
      ofLargest: 2e-6,
      draw: (draws) => ({ inputs: { x: draws.plain(volumeShape(draws)) }, attributes: volumeWindow(draws) }),
    }),
  );
  const backward = ['MaxPool3DGrad', 'AvgPool3DGrad'].map(
    (kernel): RandomCall => ({
      kernel,
      ofLargest: 2e-6,
      draw(draws) {
        const shape = volumeShape(draws);
        const { filterSize, ...rest } = volumeWindow(draws);
        // Windows as long as wide: of others tfjs's CPU kernel numbers the places of maxima wrongly.
        const cube = [filterSize[0], filterSize[0], filterSize[0]] as [number, number, number];
        const { strides, pad, dimRoundingMode } = rest as ReturnType<typeof volumeWindow> & {
          dimRoundingMode?: 'floor';
        };
        const info = backend_util.computePool3DInfo(shape, cube, strides, 1, pad, dimRoundingMode);
        return {
          inputs: { dy: draws.plain(info.outShape), input: draws.distinct(shape) },
          attributes: { filterSize: cube, ...rest },
        };
      },
    }),
  );
  return [...forward, ...backward];
}

function volumeConvolution(draws: Draws) {
  const shape = volumeShape(draws);
  const filter: Five = [
    draws.integer(1, 3),
    draws.integer(1, 3),
    draws.integer(1, 3),
    shape[4],
    draws.integer(1, 3),
  ];
  const strides = [draws.integer(1, 2), draws.integer(1, 2), draws.integer(1, 2)] as [number, number, number];
  // Windows shorter than strides tfjs pads by less than nothing.
  const canBeSame = strides.every((stride, axis) => stride <= filter[axis]!);
  const pad = canBeSame ? draws.pick(['same', 'valid'] as const) : 'valid';
  const { outShape } = backend_util.computeConv3DInfo(shape, filter, strides, 1, pad);
  return { shape, filter, y: outShape, attributes: { strides, pad, dilations: 1, dataFormat: 'NDHWC' } };
}

const volumeConvolutions: readonly RandomCall[] = [
  {
    kernel: 'Conv3D',
    relative: 1e-4,
    ofLargest: 5e-6,
    draw(draws) {
      const { shape, filter, attributes } = volumeConvolution(draws);
      return { inputs: { x: draws.plain(shape), filter: draws.plain(filter, 1) }, attributes };
    },
  },
  {
    kernel: 'Conv3DBackpropInputV2',
    relative: 1e-4,
    ofLargest: 5e-6,
    draw(draws) {
      const { shape, filter, y, attributes } = volumeConvolution(draws);
      return {
        inputs: { dy: draws.plain(y), filter: draws.plain(filter, 1) },
        attributes: { ...attributes, inputShape: shape },
      };
    },
  },
  {
    kernel: 'Conv3DBackpropFilterV2',
    relative: 1e-4,
    ofLargest: 5e-6,
    draw(draws) {
      const { shape, filter, y, attributes } = volumeConvolution(draws);
      return {
        inputs: { x: draws.plain(shape), dy: draws.plain(y) },
        attributes: { ...attributes, filterShape: filter },
      };
    },
  },
];

export const windowCalls: readonly RandomCall[] = [
  ...convolutions('Conv2D', false),
  ...convolutions('DepthwiseConv2d', true),
  fused('FusedConv2D', false),
  fused('FusedDepthwiseConv2D', true),
  pool('MaxPool'),
  pool('AvgPool'),
  {
    kernel: 'MaxPoolGrad',
    ofLargest: 2e-6,
    draw(draws) {
      const shape = imageShape(draws);
      const drawn = poolWindow(draws, false);
      const x = { ...draws.distinct(shape), isConvolved: shape[3] === blockedChannels && draws.chance(0.5) };
      return {
        inputs: { dy: draws.plain(pooledShape(shape, drawn)), input: x, output: draws.plain([1]) },
        attributes: poolAttributes(drawn),
      };
    },
  },
  {
    kernel: 'AvgPoolGrad',
    ofLargest: 2e-6,
    draw(draws) {
      const shape = imageShape(draws);
      // tfjs's gradient of an average knows of no rounding.
      const { dimRoundingMode: _, ...drawn } = poolWindow(draws, false);
      return {
        inputs: { dy: draws.plain(pooledShape(shape, drawn)), input: draws.plain(shape) },
        attributes: poolAttributes(drawn),
      };
    },
  },
  ...volumePools(),
  ...volumeConvolutions,
  ...['LRN', 'LRNGrad'].map(
    (kernel): RandomCall => ({
      kernel,
      relative: 1e-4,
      ofLargest: 5e-6,
      draw(draws) {
        const shape = imageShape(draws);
        const attributes = {
          depthRadius: draws.integer(0, 6),
          bias: draws.pick([1, 1.5]),
          alpha: draws.pick([0.1, 1]),
          beta: draws.pick([0.5, 0.75]),
        };
        const x = convolved(draws, shape);
        if (kernel === 'LRN') return { inputs: { x }, attributes };
        return { inputs: { x, y: draws.plain(shape), dy: draws.plain(shape) }, attributes };
      },
    }),
  ),
  {
    kernel: 'FusedBatchNorm',
    ofLargest: 2e-6,
    draw(draws) {
      const x = draws.chance(0.7) ? convolved(draws, imageShape(draws)) : draws.plain(draws.shape(2, 4));
      const statistics = draws.chance(0.7) ? x.shape.slice(-1) : x.shape;
      const vector = () => draws.plain(statistics);
      return {
        inputs: {
          x,
          mean: vector(),
          variance: draws.positive(statistics),
          ...(draws.chance(0.7) && { scale: vector() }),
          ...(draws.chance(0.7) && { offset: vector() }),
        },
        attributes: { varianceEpsilon: draws.pick([1e-3, 0.1]) },
      };
    },
  },
];
