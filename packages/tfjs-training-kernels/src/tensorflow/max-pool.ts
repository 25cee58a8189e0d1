/**
 * Max pooling and its gradient with any padding, which tfjs-node refuses as it does for convolutions. What is padded
 * never wins. TensorFlow itself refuses padding as wide as the window: images are padded before it then.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  isIdentity,
  onPaddedImages,
  type PoolPadding,
  poolAttributes,
  poolGeometry,
  poolPadding,
  withoutPadding,
} from './pooling-windows.ts';
import { BACKEND_NAME, type TensorFlowBackend } from './tensorflow-backend.ts';

export const maxPool: tf.KernelConfig = {
  kernelName: 'MaxPool',
  backendName: BACKEND_NAME,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const x = inputs.x as tf.Tensor4D;
    const geometry = poolGeometry(x, attrs);
    if (isIdentity(geometry, x)) return tf.clone(x);
    const tensorFlow = backend as TensorFlowBackend;
    return tf.tidy(() => {
      const wide = widePadding(geometry);
      const [images, windows] = wide ? [padded(x, wide), onPaddedImages(geometry)] : [x, geometry];
      return tensorFlow.executeSingleOutput('MaxPool', poolAttributes(x.dtype, windows, tensorFlow), [
        images,
      ]);
    });
  },
};

export const maxPoolGrad: tf.KernelConfig = {
  kernelName: 'MaxPoolGrad',
  backendName: BACKEND_NAME,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const { dy, input, output } = inputs as Record<'dy' | 'input' | 'output', tf.Tensor4D>;
    const geometry = poolGeometry(input, attrs);
    const tensorFlow = backend as TensorFlowBackend;
    const run = (images: tf.Tensor4D, windows: tf.backend_util.Conv2DInfo) => {
      const given = poolAttributes(input.dtype, windows, tensorFlow);
      return tensorFlow.executeSingleOutput('MaxPoolGrad', given, [images, output, dy]) as tf.Tensor4D;
    };
    const wide = widePadding(geometry);
    if (!wide) return run(input, geometry);
    return tf.tidy(() =>
      withoutPadding(run(padded(input, wide), onPaddedImages(geometry)), wide, input.shape),
    );
  },
};

/** The padding of each axis, if some of it is as wide as the window. */
function widePadding(geometry: tf.backend_util.Conv2DInfo): PoolPadding | undefined {
  const padding = poolPadding(geometry);
  const isWide =
    Math.max(...padding[1]) >= geometry.filterHeight || Math.max(...padding[2]) >= geometry.filterWidth;
  return isWide ? padding : undefined;
}

function padded(x: tf.Tensor4D, padding: PoolPadding): tf.Tensor4D {
  return tf.pad(x, padding, x.dtype === 'int32' ? -(2 ** 31) : Number.NEGATIVE_INFINITY);
}
