/**
 * Average pooling and its gradient with any padding. TensorFlow's averages know `SAME` and `VALID` only; with padding by numbers,
 * zeros are put around the images, and each average is that of a whole window times what the window has more than it sees.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  isIdentity,
  onPaddedImages,
  poolAttributes,
  poolGeometry,
  poolPadding,
  withoutPadding,
} from './pooling-windows.ts';
import { BACKEND_NAME, type TensorFlowBackend } from './tensorflow-backend.ts';

type Geometry = tf.backend_util.Conv2DInfo;

export const averagePool: tf.KernelConfig = {
  kernelName: 'AvgPool',
  backendName: BACKEND_NAME,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const x = inputs.x as tf.Tensor4D;
    const geometry = poolGeometry(x, attrs);
    if (isIdentity(geometry, x)) return tf.clone(x);
    const tensorFlow = backend as TensorFlowBackend;
    const run = (images: tf.Tensor4D, windows: Geometry) =>
      tensorFlow.executeSingleOutput('AvgPool', poolAttributes(x.dtype, windows, tensorFlow), [images]);
    if (isNamed(geometry)) return run(x, geometry);
    return tf.tidy(() => {
      const averages = run(tf.pad(x, poolPadding(geometry)), onPaddedImages(geometry));
      return tf.mul(averages, wholeBySeen(geometry));
    });
  },
};

/**
 * Each pixel gets of every window that it lies in as much as it gave to the average. (tfjs's other backends count the padding here,
 * though not in the average; TensorFlow counts it in neither, and so does this.)
 */
export const averagePoolGrad: tf.KernelConfig = {
  kernelName: 'AvgPoolGrad',
  backendName: BACKEND_NAME,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const { dy, input } = inputs as Record<'dy' | 'input', tf.Tensor4D>;
    const geometry = poolGeometry(input, attrs);
    const tensorFlow = backend as TensorFlowBackend;
    return tf.tidy(() => {
      const windows = isNamed(geometry) ? geometry : onPaddedImages(geometry);
      const upstream = isNamed(geometry) ? dy : tf.mul(dy, wholeBySeen(geometry));
      const shape = [input.shape[0], windows.inHeight, windows.inWidth, input.shape[3]];
      const gradient = tensorFlow.executeSingleOutput(
        'AvgPoolGrad',
        poolAttributes(dy.dtype, windows, tensorFlow),
        [tf.tensor1d(shape, 'int32'), upstream],
      ) as tf.Tensor4D;
      return windows === geometry ? gradient : withoutPadding(gradient, poolPadding(geometry), input.shape);
    });
  },
};

function isNamed({ padInfo: { type } }: Geometry): boolean {
  return type === 'SAME' || type === 'VALID';
}

/** By how much the average of a whole window is too small: pixels of a window by those of the image in it, [1, H', W', 1]. */
function wholeBySeen(geometry: Geometry): tf.Tensor4D {
  const { inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth, padInfo } = geometry;
  const rows = seen(inHeight, outHeight, filterHeight, geometry.strideHeight, padInfo.top);
  const columns = seen(inWidth, outWidth, filterWidth, geometry.strideWidth, padInfo.left);
  const size = filterHeight * filterWidth;
  // A window that sees nothing gives 0.
  const factors = rows.flatMap((height) => columns.map((width) => size / Math.max(1, height * width)));
  return tf.tensor4d(factors, [1, outHeight, outWidth, 1]);
}

/** How many pixels of the image each window sees along one axis. */
function seen(input: number, output: number, kernel: number, stride: number, pad: number): number[] {
  return Array.from({ length: output }, (_, i) => {
    const begin = i * stride - pad;
    return Math.max(0, Math.min(input, begin + kernel) - Math.max(0, begin));
  });
}
