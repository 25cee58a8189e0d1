/** The windows of a pool: how TensorFlow's operations are told of them, and images padded before them where they cannot be. */
import * as tf from '@tensorflow/tfjs-core';
import { endOfWindows, paddingAttributes } from './padding.ts';
import { attributesFor, type OperationAttribute, type TensorFlowBackend } from './tensorflow-backend.ts';

type Geometry = tf.backend_util.Conv2DInfo;

/** The attributes that tfjs gives its kernels of pools. */
export interface PoolAttributes {
  readonly filterSize: [number, number] | number;
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

export function poolGeometry(x: tf.Tensor4D, attrs: tf.NamedAttrMap | undefined): Geometry {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as PoolAttributes;
  return tf.backend_util.computePool2DInfo(x.shape, filterSize, strides, 1, pad, dimRoundingMode);
}

/** To tfjs windows of one pixel, as many as there are pixels, are the image itself, wherever padding has moved them. */
export function isIdentity(geometry: Geometry, x: tf.Tensor4D): boolean {
  return (
    geometry.filterHeight * geometry.filterWidth === 1 && tf.util.arraysEqual(geometry.outShape, x.shape)
  );
}

/** What is put around images, an axis after the other. */
export type PoolPadding = [[0, 0], [number, number], [number, number], [0, 0]];

/** As far as the last windows reach. */
export function poolPadding(geometry: Geometry): PoolPadding {
  const [bottom, right] = endOfWindows(geometry);
  const { top, left } = geometry.padInfo;
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

/** The same windows on images that are padded already. */
export function onPaddedImages(geometry: Geometry): Geometry {
  const [, [top, bottom], [left, right]] = poolPadding(geometry);
  return {
    ...geometry,
    inHeight: geometry.inHeight + top + bottom,
    inWidth: geometry.inWidth + left + right,
    padInfo: { top: 0, bottom: 0, left: 0, right: 0, type: 'VALID' as const },
  };
}

/** Of padded images what was there before. */
export function withoutPadding(
  padded: tf.Tensor4D,
  padding: PoolPadding,
  shape: tf.Tensor4D['shape'],
): tf.Tensor4D {
  return tf.slice(padded, [0, padding[1][0], padding[2][0], 0], shape);
}

export function poolAttributes(
  dtype: tf.DataType,
  geometry: Geometry,
  backend: TensorFlowBackend,
): OperationAttribute[] {
  const attributes = attributesFor(backend);
  return [
    attributes.dtype('T', dtype),
    attributes.ints('ksize', [1, geometry.filterHeight, geometry.filterWidth, 1]),
    attributes.ints('strides', [1, geometry.strideHeight, geometry.strideWidth, 1]),
    attributes.string('data_format', 'NHWC'),
    ...paddingAttributes(geometry, backend),
  ];
}
