/**
 * Between the reference's layout of weights (channels first) and tfjs's (channels last), on the host. Everything in a
 * file is the reference's; everything in a variable is tfjs's.
 */
import type { ParameterLayout } from '../layers/layer.ts';

type Shape4 = readonly [number, number, number, number];

/** The shape in tfjs of a parameter whose shape in the reference is given. */
export function deviceShape(shape: readonly number[], layout: ParameterLayout): number[] {
  if (layout === 'same') {
    return [...shape];
  }
  const [out, inputs, height, width] = shape as Shape4;
  if (layout === 'convolution') {
    return [height, width, inputs, out];
  }
  return [height, width, layout.depthwise, out / layout.depthwise];
}

/** Values of the reference's layout, in tfjs's. */
export function toDeviceLayout(
  values: Float32Array,
  shape: readonly number[],
  layout: ParameterLayout,
): Float32Array {
  return layout === 'same' ? values : permuted(values, shape as Shape4, 'to-device');
}

/** Values of tfjs's layout, in the reference's, whose shape is given: a copy, as what a backend gives is its own. */
export function fromDeviceLayout(
  values: Float32Array,
  shape: readonly number[],
  layout: ParameterLayout,
): Float32Array {
  return layout === 'same' ? values.slice() : permuted(values, shape as Shape4, 'from-device');
}

/** A depthwise weight is `[out, 1, h, w]` there and in effect `[h, w, out]` here: the same move with one input. */
function permuted(
  values: Float32Array,
  [out, inputs, height, width]: Shape4,
  direction: 'to-device' | 'from-device',
): Float32Array {
  const result = new Float32Array(values.length);
  let first = 0;
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let position = 0; position < height * width; position++) {
        const last = (position * inputs + i) * out + o;
        if (direction === 'to-device') {
          result[last] = values[first]!;
        } else {
          result[first] = values[last]!;
        }
        first++;
      }
    }
  }
  return result;
}
