/**
 * Convolutions and their gradients with any padding. tfjs-node passes only TensorFlow's `SAME` and `VALID` on and refuses
 * numbers, although TensorFlow's operations take explicit padding; networks from elsewhere (MXNet, PyTorch) are all
 * padded by numbers, which at a stride of 2 is not `SAME`.
 */
import * as tf from '@tensorflow/tfjs-core';
import { paddingAttributes } from './padding.ts';
import {
  attributesFor,
  BACKEND_NAME,
  type OperationAttribute,
  type TensorFlowBackend,
} from './tensorflow-backend.ts';

type Shape4D = [number, number, number, number];

/** The attributes that tfjs gives its six kernels of convolution; each has some. */
interface ConvolutionAttributes {
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dataFormat?: 'NHWC' | 'NCHW';
  readonly dilations?: [number, number] | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly inputShape?: Shape4D;
  readonly filterShape?: Shape4D;
}

interface ConvolutionKernel {
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
      inputs as Readonly<Record<string, tf.Tensor>>,
      attrs as unknown as ConvolutionAttributes,
      backend as TensorFlowBackend,
    ),
}));

function convolve(
  { name, depthwise, computes }: ConvolutionKernel,
  { x, filter, dy }: Readonly<Record<string, tf.Tensor>>,
  attrs: ConvolutionAttributes,
  backend: TensorFlowBackend,
): tf.Tensor {
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
    attrs.dataFormat === 'NCHW' ? 'channelsFirst' : 'channelsLast',
  );
  const attributes = convolutionAttributes(geometry, backend);
  if (computes === 'output') return backend.executeSingleOutput(name, attributes, [x!, filter!]);
  return tf.tidy(() =>
    computes === 'inputGradient'
      ? backend.executeSingleOutput(name, attributes, [tf.tensor1d(inputShape, 'int32'), filter!, dy!])
      : backend.executeSingleOutput(name, attributes, [x!, tf.tensor1d(filterShape, 'int32'), dy!]),
  );
}

function convolutionAttributes(
  geometry: tf.backend_util.Conv2DInfo,
  backend: TensorFlowBackend,
): OperationAttribute[] {
  const { dataFormat, strideHeight, strideWidth, dilationHeight, dilationWidth } = geometry;
  const channelsLast = dataFormat === 'channelsLast';
  const each = (height: number, width: number): number[] =>
    channelsLast ? [1, height, width, 1] : [1, 1, height, width];
  const { float32, ints, string } = attributesFor(backend);
  return [
    float32('T'),
    ints('strides', each(strideHeight, strideWidth)),
    ints('dilations', each(dilationHeight, dilationWidth)),
    string('data_format', channelsLast ? 'NHWC' : 'NCHW'),
    ...paddingAttributes(geometry, backend),
  ];
}
