/**
 * Max pooling and its gradient with any padding, which tfjs-node refuses as it does for convolutions. What is padded
 * never wins. TensorFlow itself refuses padding as wide as the window: images are padded before it then.
 */
import * as tf from '@tensorflow/tfjs-core';
import { endOfWindows, paddingAttributes } from './padding.ts';
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
    const geometry = geometryOf(x, attrs as unknown as PoolAttributes);
    // To tfjs windows of one pixel, as many as there are pixels, are the image itself, wherever padding has moved them.
    const isImage = geometry.filterHeight * geometry.filterWidth === 1;
    if (isImage && tf.util.arraysEqual(geometry.outShape, x.shape)) return tf.clone(x);
    const tensorFlow = backend as TensorFlowBackend;
    return tf.tidy(() => {
      const wide = widePadding(geometry);
      const [images, windows] = wide ? [padded(x, wide), withoutPadding(geometry)] : [x, geometry];
      return tensorFlow.executeSingleOutput('MaxPool', attributes(images, windows, tensorFlow), [images]);
    });
  },
};

export const maxPoolGrad: tf.KernelConfig = {
  kernelName: 'MaxPoolGrad',
  backendName: BACKEND_NAME,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const { dy, input, output } = inputs as Record<'dy' | 'input' | 'output', tf.Tensor4D>;
    const geometry = geometryOf(input, attrs as unknown as PoolAttributes);
    const tensorFlow = backend as TensorFlowBackend;
    const run = (images: tf.Tensor4D, windows: tf.backend_util.Conv2DInfo) => {
      const given = attributes(images, windows, tensorFlow);
      return tensorFlow.executeSingleOutput('MaxPoolGrad', given, [images, output, dy]);
    };
    const wide = widePadding(geometry);
    if (!wide) return run(input, geometry);
    return tf.tidy(() => {
      const gradient = run(padded(input, wide), withoutPadding(geometry));
      return tf.slice(gradient, [0, wide[1][0], wide[2][0], 0], input.shape);
    });
  },
};

type Padding = [[0, 0], [number, number], [number, number], [0, 0]];

function geometryOf(x: tf.Tensor4D, attrs: PoolAttributes): tf.backend_util.Conv2DInfo {
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  return tf.backend_util.computePool2DInfo(x.shape, filterSize, strides, 1, pad, dimRoundingMode);
}

/** The padding of each axis, if some of it is as wide as the window. */
function widePadding(geometry: tf.backend_util.Conv2DInfo): Padding | undefined {
  const { padInfo, filterHeight, filterWidth } = geometry;
  const [bottom, right] = endOfWindows(geometry);
  const isWide =
    Math.max(padInfo.top, bottom) >= filterHeight || Math.max(padInfo.left, right) >= filterWidth;
  return isWide
    ? [
        [0, 0],
        [padInfo.top, bottom],
        [padInfo.left, right],
        [0, 0],
      ]
    : undefined;
}

function padded(x: tf.Tensor4D, padding: Padding): tf.Tensor4D {
  return tf.pad(x, padding, x.dtype === 'int32' ? -(2 ** 31) : Number.NEGATIVE_INFINITY);
}

function withoutPadding(geometry: tf.backend_util.Conv2DInfo): tf.backend_util.Conv2DInfo {
  const padInfo = { top: 0, bottom: 0, left: 0, right: 0, type: 'VALID' as const };
  const [bottom, right] = endOfWindows(geometry);
  return {
    ...geometry,
    inHeight: geometry.inHeight + geometry.padInfo.top + bottom,
    inWidth: geometry.inWidth + geometry.padInfo.left + right,
    padInfo,
  };
}

function attributes(
  x: tf.Tensor4D,
  geometry: tf.backend_util.Conv2DInfo,
  backend: TensorFlowBackend,
): OperationAttribute[] {
  const { dtype, ints, string } = attributesFor(backend);
  return [
    dtype('T', x.dtype),
    ints('ksize', [1, geometry.filterHeight, geometry.filterWidth, 1]),
    ints('strides', [1, geometry.strideHeight, geometry.strideWidth, 1]),
    string('data_format', 'NHWC'),
    ...paddingAttributes(geometry, backend),
  ];
}
