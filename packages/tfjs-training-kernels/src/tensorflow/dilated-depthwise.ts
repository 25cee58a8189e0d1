/**
 * Convolution channel by channel with a dilated window, which TensorFlow does not have on a CPU. A dilated window sees only pixels that
 * are a multiple of the dilation apart. So the image is cut into as many images as there are places to start from
 * (`SpaceToBatchND`), each is convolved without dilation, and the results are put together again. The same products are added,
 * nothing else. tfjs has dilations with strides of 1 only, and no gradient of them.
 */
import * as tf from '@tensorflow/tfjs-core';

/**
 * @param x [N, H, W, C] float32.
 * @param filter [kh, kw, C, multiplier] float32.
 * @returns [N, H', W', C * multiplier]
 */
export function dilatedDepthwise(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  geometry: tf.backend_util.Conv2DInfo,
): tf.Tensor4D {
  const { padInfo, inHeight, inWidth, outHeight, outWidth, dilationHeight, dilationWidth } = geometry;
  const { effectiveFilterHeight, effectiveFilterWidth } = geometry;
  const rows = axis(inHeight, outHeight, effectiveFilterHeight, padInfo.top, dilationHeight);
  const columns = axis(inWidth, outWidth, effectiveFilterWidth, padInfo.left, dilationWidth);
  return tf.tidy(() => {
    const seen = tf.slice(x, [0, 0, 0, 0], [-1, rows.seen, columns.seen, -1]);
    const block = [dilationHeight, dilationWidth];
    const apart = tf.spaceToBatchND(seen, block, [rows.padding, columns.padding]);
    const convolved = tf.depthwiseConv2d(apart, filter, 1, 'valid');
    return tf.batchToSpaceND(convolved, block, [
      [0, rows.surplus],
      [0, columns.surplus],
    ]);
  });
}

interface Axis {
  /** Pixels that some window reaches. */
  readonly seen: number;
  /** Before and after them, so that they can be cut into whole images. */
  readonly padding: [number, number];
  /** Results that are there only because of what was padded to that end. */
  readonly surplus: number;
}

function axis(input: number, output: number, extent: number, before: number, dilation: number): Axis {
  const reached = output + extent - 1;
  const after = reached - before - input;
  const surplus = (dilation - (reached % dilation)) % dilation;
  return {
    seen: input + Math.min(0, after),
    padding: [before, Math.max(0, after) + surplus],
    surplus,
  };
}
