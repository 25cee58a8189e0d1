/**
 * A convolution in groups: the channels of input and output are cut into as many groups, and each group of outputs sees its
 * group of inputs only. TensorFlow.js has no such operation, only its two ends: one group, and a group a channel.
 *
 * | kernel | inputs | attributes | output |
 * |---|---|---|---|
 * | `GroupedConv2D` | x, filter | groups, strides, pad, dilations | [N, H', W', F] |
 * | `GroupedConv2DBackpropInput` | dy, filter | the same, inputShape | [N, H, W, C] |
 * | `GroupedConv2DBackpropFilter` | x, dy | the same, filterShape | [kh, kw, C / groups, F] |
 *
 * x is [N, H, W, C] and the filter [kh, kw, C / groups, F], outputs of the first group first; both float32.
 */
import * as tf from '@tensorflow/tfjs-core';
import { TrainingKernelsError } from '../errors.ts';
import { isDifferentiatedTwice } from './higher-order.ts';
import { hasKernel } from './registered-kernel.ts';

const KERNELS = {
  forward: 'GroupedConv2D',
  inputGradient: 'GroupedConv2DBackpropInput',
  filterGradient: 'GroupedConv2DBackpropFilter',
} as const;

export interface GroupedConvolutionOptions {
  readonly groups: number;
  /** Of rows and columns. Default 1. */
  readonly strides?: readonly [number, number];
  /** As `tf.conv2d` takes it. Default `valid`. */
  readonly pad?: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  /** Of rows and columns. Default 1. */
  readonly dilations?: readonly [number, number];
}

/**
 * Differentiable in both. Where the backend has no kernel: one convolution a group, or, for narrow groups and windows as large
 * as the image, all of them as one depthwise convolution.
 *
 * @param x [N, H, W, C] float32. @param filter [kh, kw, C / groups, F] float32.
 * @returns [N, H', W', F].
 * @throws {TrainingKernelsError} `shape-mismatch` when the groups do not divide C and F as the filter's shape says.
 */
export function groupedConv2d(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  options: GroupedConvolutionOptions,
): tf.Tensor4D {
  const { groups, strides = [1, 1], pad = 'valid', dilations = [1, 1] } = options;
  checkGroups(x, filter, groups);
  if (groups === 1) return tf.conv2d(x, filter, [...strides], pad, 'NHWC', [...dilations]);
  const [height, width, inputs, filters] = filter.shape;
  if (inputs === 1) {
    const byChannel = tf.reshape<tf.Rank.R4>(filter, [height, width, groups, filters / groups]);
    return tf.depthwiseConv2d(x, byChannel, [...strides], pad, 'NHWC', [...dilations]);
  }
  const attributes: Attributes = { groups, strides: [...strides], pad, dilations: [...dilations] };
  return Object.values(KERNELS).every(hasKernel) && !isDifferentiatedTwice()
    ? onKernels(x, filter, attributes)
    : composed(x, filter, attributes);
}

interface Attributes {
  readonly groups: number;
  readonly strides: [number, number];
  readonly pad: NonNullable<GroupedConvolutionOptions['pad']>;
  readonly dilations: [number, number];
}

function checkGroups(x: tf.Tensor4D, filter: tf.Tensor4D, groups: number): void {
  const channels = x.shape[3];
  const [, , inputs, filters] = filter.shape;
  if (Number.isSafeInteger(groups) && groups > 0 && inputs * groups === channels && filters % groups === 0)
    return;
  throw new TrainingKernelsError(
    'shape-mismatch',
    `expected a number of groups that divides ${channels} channels into ${inputs} each and ${filters} filters ` +
      `(the filter is [${filter.shape}], the input [${x.shape}]), found ${groups}`,
  );
}

function onKernels(x: tf.Tensor4D, filter: tf.Tensor4D, attributes: Attributes): tf.Tensor4D {
  const run = (kernel: string, inputs: tf.NamedTensorMap, more: object = {}): tf.Tensor4D =>
    tf.engine().runKernel(kernel, inputs, { ...attributes, ...more } as tf.NamedAttrMap) as tf.Tensor4D;
  const operation = tf.customGrad<tf.Tensor4D>((...args) => {
    const [images, weights, save] = args as [tf.Tensor4D, tf.Tensor4D, tf.GradSaveFunc];
    save([images, weights]);
    return {
      value: run(KERNELS.forward, { x: images, filter: weights }),
      gradFunc: (dy: tf.Tensor4D, saved: tf.Tensor[]) => {
        const [input, kernel] = saved as [tf.Tensor4D, tf.Tensor4D];
        return [
          run(KERNELS.inputGradient, { dy, filter: kernel }, { inputShape: input.shape }),
          run(KERNELS.filterGradient, { x: input, dy }, { filterShape: kernel.shape }),
        ];
      },
    };
  });
  return operation(x, filter);
}

/** Products of inputs and outputs up to which a group is so narrow that all of them are convolved at once. */
const NARROW_GROUP = 8;

function composed(x: tf.Tensor4D, filter: tf.Tensor4D, attributes: Attributes): tf.Tensor4D {
  const { groups, strides, pad, dilations } = attributes;
  const [height, width, inputs, filters] = filter.shape;
  const coversMap = height === x.shape[1] && width === x.shape[2] && pad === 'valid';
  if (coversMap || inputs * (filters / groups) <= NARROW_GROUP) return allAtOnce(x, filter, attributes);
  const weights: tf.Tensor4D[] = tf.split(filter, groups, 3);
  const parts: tf.Tensor4D[] = tf.split(x, groups, 3);
  return tf.concat(
    parts.map((part, group) => tf.conv2d(part, weights[group]!, strides, pad, 'NHWC', dilations)),
    3,
  );
}

/**
 * Each input channel by itself for every output channel of its group, then the sum over the inputs of a group. The intermediate
 * map is as many times larger than the result as a group has inputs.
 */
function allAtOnce(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  { groups, strides, pad, dilations }: Attributes,
): tf.Tensor4D {
  const [height, width, inputs, filters] = filter.shape;
  const outputs = filters / groups;
  const byGroup = tf.transpose(tf.reshape(filter, [height * width, inputs, groups, outputs]), [0, 2, 1, 3]);
  const depthwise = tf.reshape<tf.Rank.R4>(byGroup, [height, width, groups * inputs, outputs]);
  const products = tf.depthwiseConv2d(x, depthwise, strides, pad, 'NHWC', dilations);
  const [batch, rows, columns] = products.shape;
  const summed = tf.sum(tf.reshape(products, [batch * rows * columns, groups, inputs, outputs]), 2);
  return tf.reshape(summed, [batch, rows, columns, filters]);
}
