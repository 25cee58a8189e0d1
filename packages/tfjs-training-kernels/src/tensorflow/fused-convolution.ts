/**
 * A convolution, a bias and an activation in one call (`tf.fused.conv2d`, `tf.fused.depthwiseConv2d`; TensorFlow.js's layers call
 * them). tfjs-node's own go past the kernels that are registered, so that what those refuse (padding by numbers, images channels
 * first, dilated windows) they refuse too. These go through them.
 */
import * as tf from '@tensorflow/tfjs-core';
import { channelsLast, channelsLastPadding, toChannelsFirst } from './channels-first.ts';
import { type ConvolutionAttributes, type ConvolutionKernel, convolve } from './convolution.ts';
import { BACKEND_NAME, type TensorFlowBackend } from './tensorflow-backend.ts';

interface FusedAttributes extends ConvolutionAttributes {
  readonly activation?: string;
  readonly leakyreluAlpha?: number;
}

interface FusedInputs {
  readonly x: tf.Tensor4D;
  readonly filter: tf.Tensor4D;
  readonly bias?: tf.Tensor;
  readonly preluActivationWeights?: tf.Tensor;
}

function fused(kernelName: string, convolution: ConvolutionKernel): tf.KernelConfig {
  return {
    kernelName,
    backendName: BACKEND_NAME,
    kernelFunc: ({ inputs, attrs, backend }) =>
      run(
        convolution,
        inputs as unknown as FusedInputs,
        attrs as unknown as FusedAttributes,
        backend as TensorFlowBackend,
      ),
  };
}

export const fusedConvolutions: readonly tf.KernelConfig[] = [
  fused('FusedConv2D', { name: 'Conv2D', depthwise: false, computes: 'output' }),
  fused('FusedDepthwiseConv2D', { name: 'DepthwiseConv2dNative', depthwise: true, computes: 'output' }),
];

function run(
  convolution: ConvolutionKernel,
  { x, filter, bias, preluActivationWeights: slopes }: FusedInputs,
  { activation = 'linear', leakyreluAlpha, ...attrs }: FusedAttributes,
  backend: TensorFlowBackend,
): tf.Tensor {
  return tf.tidy(() => {
    const isChannelsFirst = attrs.dataFormat === 'NCHW' && !convolution.depthwise;
    const given: ConvolutionAttributes = isChannelsFirst
      ? { ...attrs, dataFormat: 'NHWC', pad: channelsLastPadding(attrs.pad) }
      : attrs;
    const images = isChannelsFirst ? channelsLast(x) : x;
    const convolved = convolve(convolution, { x: images, filter }, given, backend);
    const shifted = bias ? tf.add(convolved, bias) : convolved;
    // Slopes a channel are one row in either order; an image of slopes comes in the order of the images.
    const isImage = isChannelsFirst && slopes?.rank === 3;
    const weights = isImage ? tf.transpose(slopes, [1, 2, 0]) : slopes;
    const y = backend.applyActivation(shifted, activation, weights, leakyreluAlpha);
    return isChannelsFirst ? toChannelsFirst(y) : y;
  });
}
