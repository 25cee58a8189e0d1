/**
 * Two-dimensional convolution: plain, depthwise (a group a channel) and grouped. Padding is given explicitly and is
 * symmetric, as in MXNet: with a stride of 2 this is not what TensorFlow calls "same".
 */
import * as tf from '@tensorflow/tfjs-core';
import { groupedConv2d } from 'tfjs-training-kernels';
import { BackbonesError } from '../backbones-error.ts';
import {
  type Extent,
  imageShape,
  type LayerRules,
  onlyInput,
  type ParameterRule,
  windowSteps,
} from './layer.ts';
import { windowPadding } from './padding.ts';

export interface ConvolutionLayer {
  readonly kind: 'convolution';
  /** Number of output channels. */
  readonly filters: number;
  readonly kernel: Extent;
  readonly stride: Extent;
  readonly padding: Extent;
  readonly dilation: Extent;
  readonly groups: number;
  readonly bias: boolean;
}

export const convolutionRules: LayerRules<ConvolutionLayer> = {
  outputShape(layer, inputs) {
    const [height, width, channels] = imageShape(onlyInput(inputs));
    const { filters, kernel, stride, padding, dilation, groups } = layer;
    if (channels % groups !== 0 || filters % groups !== 0) {
      throw new BackbonesError(
        'invalid-graph',
        `${groups} groups must divide the ${channels} input channels and the ${filters} filters`,
      );
    }
    // Nor does TensorFlow, whatever the backend.
    if (stride.some((step) => step !== 1) && dilation.some((step) => step !== 1)) {
      throw new BackbonesError(
        'unsupported',
        `a stride of ${stride.join('x')} and a dilation of ${dilation.join('x')} do not go together here`,
      );
    }
    return [
      windowSteps(height, kernel[0], stride[0], padding[0], dilation[0]),
      windowSteps(width, kernel[1], stride[1], padding[1], dilation[1]),
      filters,
    ];
  },

  parameters(layer, inputs) {
    const [, , channels] = imageShape(onlyInput(inputs));
    const { filters, kernel, groups } = layer;
    const weight: ParameterRule = {
      slot: 'weight',
      kind: 'weight',
      role: 'argument',
      shape: [filters, channels / groups, ...kernel],
      layout: isDepthwise(layer, channels) ? { depthwise: channels } : 'convolution',
      fixed: false,
    };
    const bias: ParameterRule = { ...weight, slot: 'bias', kind: 'bias', shape: [filters], layout: 'same' };
    return layer.bias ? [weight, bias] : [weight];
  },

  // The reference leaves out the addition that a bias would need, and rounds down after dividing by the groups.
  flops({ kernel, groups, bias }, inputs, output) {
    const [, , channels] = imageShape(onlyInput(inputs));
    const perValue = 2 * channels * kernel[0] * kernel[1] - (bias ? 0 : 1);
    return Math.floor((perValue * output.reduce((product, size) => product * size, 1)) / groups);
  },

  apply(layer, inputs, context) {
    const x = onlyInput(inputs) as tf.Tensor4D;
    const weight = context.parameter('weight') as tf.Tensor4D;
    const { stride, dilation: dilations, groups } = layer;
    const y = isDepthwise(layer, x.shape[3])
      ? tf.depthwiseConv2d(x, weight, [...stride], windowPadding(layer), 'NHWC', [...dilations])
      : groupedConv2d(x, weight, { groups, strides: stride, pad: windowPadding(layer), dilations });
    return layer.bias ? tf.add(y, context.parameter('bias')) : y;
  },
};

function isDepthwise({ groups }: ConvolutionLayer, channels: number): boolean {
  return groups > 1 && groups === channels;
}

/** The settings of a convolution that are not the most common ones. */
export interface ConvolutionSettings {
  readonly filters: number;
  /** Sides of the window. Default 1. */
  readonly kernel?: number | Extent;
  /** Default 1. */
  readonly stride?: number;
  /** Default 0. */
  readonly padding?: number;
  /** Default 1. */
  readonly groups?: number;
  /** Default false. */
  readonly bias?: boolean;
}

/** A convolution from what is special about it. */
export function convolutionLayer(settings: ConvolutionSettings): ConvolutionLayer {
  const { filters, kernel = 1, stride = 1, padding: pad = 0, groups = 1, bias = false } = settings;
  return {
    kind: 'convolution',
    filters,
    kernel: typeof kernel === 'number' ? [kernel, kernel] : kernel,
    stride: [stride, stride],
    padding: [pad, pad],
    dilation: [1, 1],
    groups,
    bias,
  };
}
