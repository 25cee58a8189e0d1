/**
 * Average or maximum over windows, or over the whole map. A window that would stick out at the end is left out, or, with
 * `roundUp`, counts with what it covers.
 */
import * as tf from '@tensorflow/tfjs-core';
import { BackbonesError } from '../backbones-error.ts';
import { type Extent, imageShape, type LayerRules, onlyInput, type Shape, windowSteps } from './layer.ts';
import { type ExplicitPadding, margins, windowPadding } from './padding.ts';

export interface PoolingLayer {
  readonly kind: 'pooling';
  readonly method: 'average' | 'maximum';
  /** Over the whole map; kernel, stride and padding are not used then. */
  readonly global: boolean;
  readonly kernel: Extent;
  readonly stride: Extent;
  readonly padding: Extent;
  /** Whether zeros of the padding count in an average. */
  readonly countPadding: boolean;
  /** Whether a window that sticks out at the end counts (MXNet's convention `full`). Default false. */
  readonly roundUp?: boolean;
}

export const poolingRules: LayerRules<PoolingLayer> = {
  outputShape(layer, inputs) {
    const [height, width, channels] = imageShape(onlyInput(inputs));
    return layer.global ? [1, 1, channels] : [steps(layer, 0, height), steps(layer, 1, width), channels];
  },

  apply(layer, inputs) {
    const x = onlyInput(inputs) as tf.Tensor4D;
    const average = layer.method === 'average';
    if (layer.global) {
      return average ? tf.mean(x, [1, 2], true) : tf.max(x, [1, 2], true);
    }
    const window: [number, number] = [...layer.kernel];
    const stride: [number, number] = [...layer.stride];
    const overhang = poolingOverhang(layer, x.shape.slice(1));
    const isWithin = overhang.every((side) => side === 0);
    if (!average) {
      return tf.maxPool(x, window, stride, isWithin ? windowPadding(layer) : withOverhang(layer, overhang));
    }
    // Zeros of one's own: tfjs leaves its padding out of an average, but not out of the average's gradient.
    const isBare = isWithin && layer.padding.every((side) => side === 0);
    const means = tf.avgPool(isBare ? x : tf.pad(x, withOverhang(layer, overhang)), window, stride, 'valid');
    const correction = averageCorrection(layer, x.shape.slice(1));
    return correction === undefined
      ? means
      : tf.mul(means, tf.tensor(correction, [1, means.shape[1], means.shape[2], 1]));
  },
};

/** How far the last window sticks out at the end of the padded map: below, and on the right. */
export function poolingOverhang(layer: PoolingLayer, [height, width]: Shape): Extent {
  const along = (axis: 0 | 1, size: number): number => {
    const { kernel, stride, padding } = layer;
    const end = (steps(layer, axis, size) - 1) * stride[axis] + kernel[axis];
    return Math.max(0, end - size - 2 * padding[axis]);
  };
  return [along(0, height!), along(1, width!)];
}

/**
 * For each window, what makes the mean of all its values, zeros for those outside of the map, the average of those that count:
 * row by row, or undefined where that is 1 everywhere.
 */
export function averageCorrection(layer: PoolingLayer, [height, width]: Shape): Float32Array | undefined {
  const counted = (axis: 0 | 1, size: number): number[] => {
    const { kernel, stride, padding } = layer;
    const [from, to] = layer.countPadding ? [-padding[axis], size + padding[axis]] : [0, size];
    return Array.from({ length: steps(layer, axis, size) }, (_, i) => {
      const start = i * stride[axis] - padding[axis];
      return Math.max(0, Math.min(to, start + kernel[axis]) - Math.max(from, start));
    });
  };
  const columns = counted(1, width!);
  const factors = counted(0, height!).flatMap((rows) =>
    columns.map((column) => (layer.kernel[0] * layer.kernel[1]) / (rows * column)),
  );
  return factors.every((factor) => factor === 1) ? undefined : Float32Array.from(factors);
}

function steps(layer: PoolingLayer, axis: 0 | 1, size: number): number {
  const { kernel, stride, padding, roundUp = false } = layer;
  const within = windowSteps(size, kernel[axis], stride[axis], padding[axis]);
  if (!roundUp) return within;
  const all = Math.ceil((size + 2 * padding[axis] - kernel[axis]) / stride[axis]) + 1;
  if ((all - 1) * stride[axis] - padding[axis] >= size) {
    throw new BackbonesError(
      'invalid-graph',
      `the last window of ${kernel[axis]} at steps of ${stride[axis]} lies behind the map of ${size}`,
    );
  }
  return all;
}

function withOverhang({ padding }: PoolingLayer, [below, right]: Extent): ExplicitPadding {
  const [batch, [top, bottom], [left, end], channels] = margins(padding);
  return [batch, [top, bottom + below], [left, end + right], channels];
}
