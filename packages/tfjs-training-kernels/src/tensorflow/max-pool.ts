/**
 * Max pooling and its gradient with any padding, which tfjs-node refuses as it does for convolutions. What is padded
 * never wins.
 */
import * as tf from '@tensorflow/tfjs-core';
import { paddingAttributes } from './padding.ts';
import {
  attributesFor,
  BACKEND_NAME,
  type OperationAttribute,
  type TensorFlowBackend,
} from './tensorflow-backend.ts';

interface PoolAttributes {
  readonly filterSize: [number, number] | number;
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

export const maxPool: tf.KernelConfig = {
  kernelName: 'MaxPool',
  backendName: BACKEND_NAME,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const x = inputs.x as tf.Tensor4D;
    const tensorFlow = backend as TensorFlowBackend;
    return tensorFlow.executeSingleOutput('MaxPool', attributes(x, attrs, tensorFlow), [x]);
  },
};

export const maxPoolGrad: tf.KernelConfig = {
  kernelName: 'MaxPoolGrad',
  backendName: BACKEND_NAME,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const { dy, input, output } = inputs as Record<'dy' | 'input' | 'output', tf.Tensor4D>;
    const tensorFlow = backend as TensorFlowBackend;
    return tensorFlow.executeSingleOutput('MaxPoolGrad', attributes(input, attrs, tensorFlow), [
      input,
      output,
      dy,
    ]);
  },
};

function attributes(x: tf.Tensor4D, attrs: unknown, backend: TensorFlowBackend): OperationAttribute[] {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as PoolAttributes;
  const geometry = tf.backend_util.computePool2DInfo(x.shape, filterSize, strides, 1, pad, dimRoundingMode);
  const { dtype, ints, string } = attributesFor(backend);
  return [
    dtype('T', x.dtype),
    ints('ksize', [1, geometry.filterHeight, geometry.filterWidth, 1]),
    ints('strides', [1, geometry.strideHeight, geometry.strideWidth, 1]),
    string('data_format', 'NHWC'),
    ...paddingAttributes(geometry, backend),
  ];
}
