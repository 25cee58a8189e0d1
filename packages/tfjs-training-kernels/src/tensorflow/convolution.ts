/**
 * Convolutions and their gradients with any padding, in both orders of an image, and with dilated windows. tfjs-node passes only
 * TensorFlow's `SAME` and `VALID` on and refuses numbers, although TensorFlow's operations take explicit padding; networks from
 * elsewhere (MXNet, PyTorch) are all padded by numbers, which at a stride of 2 is not `SAME`. What TensorFlow itself lacks on a
 * CPU is composed: see channels-first.ts and dilated-depthwise.ts.
 */
import * as tf from '@tensorflow/tfjs-core';
import { TrainingKernelsError } from '../errors.ts';
import { channelsLast, channelsLastPadding, channelsLastShape, toChannelsFirst } from './channels-first.ts';
import { dilatedDepthwise } from './dilated-depthwise.ts';
import { paddingAttributes } from './padding.ts';
import {
  attributesFor,
  BACKEND_NAME,
  type OperationAttribute,
  type TensorFlowBackend,
} from './tensorflow-backend.ts';

type Shape4D = [number, number, number, number];

/** The attributes that tfjs gives its six kernels of convolution; each has some. */
export interface ConvolutionAttributes {
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dataFormat?: 'NHWC' | 'NCHW';
  readonly dilations?: [number, number] | number | null;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly inputShape?: Shape4D;
  readonly filterShape?: Shape4D;
}

export interface ConvolutionKernel {
  readonly name: string;
  readonly depthwise: boolean;
  /** What the operation computes: the result of the convolution, or a gradient, whose shape it has to be told. */
  readonly computes: 'output' | 'inputGradient' | 'filterGradient';
}

const KERNELS: readonly ConvolutionKernel[] = [
  { name: 'Conv2D', depthwise: false, computes: 'output' },
  { name: 'Conv2DBackpropInput', depthwise: false, computes: 'inputGradient' },
  { name: 'Conv2DBackpropFilter', depthwise: false, computes: 'filterGradient' },
  { name: 'DepthwiseConv2dNative', depthwise: true, computes: 'output' },
  { name: 'DepthwiseConv2dNativeBackpropInput', depthwise: true, computes: 'inputGradient' },
  { name: 'DepthwiseConv2dNativeBackpropFilter', depthwise: true, computes: 'filterGradient' },
];

export const convolutions: readonly tf.KernelConfig[] = KERNELS.map((kernel) => ({
  kernelName: kernel.name,
  backendName: BACKEND_NAME,
  kernelFunc: ({ inputs, attrs, backend }) =>
    convolve(
      kernel,
      inputs as ConvolutionInputs,
      attrs as unknown as ConvolutionAttributes,
      backend as TensorFlowBackend,
    ),
}));

/** `x` and `filter`, `dy` and `filter`, or `x` and `dy`. */
export type ConvolutionInputs = Readonly<Record<string, tf.Tensor>>;

/** @throws {TrainingKernelsError} `unsupported-layout` for images channels first that are to be convolved channel by channel on a CPU */
export function convolve(
  kernel: ConvolutionKernel,
  inputs: ConvolutionInputs,
  attrs: ConvolutionAttributes,
  backend: TensorFlowBackend,
): tf.Tensor {
  const isChannelsFirst = attrs.dataFormat === 'NCHW';
  if (isChannelsFirst && !backend.isUsingGpuDevice)
    return convolveChannelsFirst(kernel, inputs, attrs, backend);
  const { name, depthwise, computes } = kernel;
  const { x, filter, dy } = inputs;
  const inputShape = attrs.inputShape ?? (x!.shape as Shape4D);
  const filterShape = attrs.filterShape ?? (filter!.shape as Shape4D);
  const geometry = tf.backend_util.computeConv2DInfo(
    inputShape,
    filterShape,
    attrs.strides,
    attrs.dilations ?? 1,
    attrs.pad,
    attrs.dimRoundingMode,
    depthwise,
    isChannelsFirst ? 'channelsFirst' : 'channelsLast',
  );
  const isDilated = geometry.dilationHeight > 1 || geometry.dilationWidth > 1;
  if (depthwise && isDilated && computes === 'output' && !backend.isUsingGpuDevice) {
    return dilatedDepthwise(x as tf.Tensor4D, filter as tf.Tensor4D, geometry);
  }
  const attributes = convolutionAttributes(geometry, backend);
  if (computes === 'output') return backend.executeSingleOutput(name, attributes, [x!, filter!]);
  return tf.tidy(() =>
    computes === 'inputGradient'
      ? backend.executeSingleOutput(name, attributes, [tf.tensor1d(inputShape, 'int32'), filter!, dy!])
      : backend.executeSingleOutput(name, attributes, [x!, tf.tensor1d(filterShape, 'int32'), dy!]),
  );
}

/** TensorFlow convolves images channels first on GPUs only. */
function convolveChannelsFirst(
  kernel: ConvolutionKernel,
  { filter, ...images }: ConvolutionInputs,
  { inputShape, pad, ...rest }: ConvolutionAttributes,
  backend: TensorFlowBackend,
): tf.Tensor {
  if (kernel.depthwise) {
    throw new TrainingKernelsError(
      'unsupported-layout',
      `${kernel.name} takes images channels last, [batch, height, width, channels], found dataFormat NCHW, of which tfjs has no ` +
        'gradient: transpose them, tf.transpose(x, [0, 2, 3, 1]), and leave dataFormat out',
    );
  }
  return tf.tidy(() => {
    const given = Object.fromEntries(
      Object.entries(images).map(([name, image]) => [name, channelsLast(image)]),
    );
    const attrs: ConvolutionAttributes = {
      ...rest,
      dataFormat: 'NHWC',
      pad: channelsLastPadding(pad),
      ...(inputShape && { inputShape: channelsLastShape(inputShape) }),
    };
    const result = convolve(kernel, filter === undefined ? given : { ...given, filter }, attrs, backend);
    return kernel.computes === 'filterGradient' ? result : toChannelsFirst(result);
  });
}

function convolutionAttributes(
  geometry: tf.backend_util.Conv2DInfo,
  backend: TensorFlowBackend,
): OperationAttribute[] {
  const { dataFormat, strideHeight, strideWidth, dilationHeight, dilationWidth } = geometry;
  const isChannelsLast = dataFormat === 'channelsLast';
  const each = (height: number, width: number): number[] =>
    isChannelsLast ? [1, height, width, 1] : [1, 1, height, width];
  const { float32, ints, string } = attributesFor(backend);
  return [
    float32('T'),
    ints('strides', each(strideHeight, strideWidth)),
    ints('dilations', each(dilationHeight, dilationWidth)),
    string('data_format', isChannelsLast ? 'NHWC' : 'NCHW'),
    ...paddingAttributes(geometry, backend),
  ];
}
