/** Padding of a window as tfjs takes it. */
import type { Extent } from './layer.ts';

export type ExplicitPadding = [[number, number], [number, number], [number, number], [number, number]];

/** Zeros at either end of height and width, none of batch and channels: also what `tf.pad` takes. */
export function margins([vertical, horizontal]: Extent): ExplicitPadding {
  return [
    [0, 0],
    [vertical, vertical],
    [horizontal, horizontal],
    [0, 0],
  ];
}

/**
 * The same padding at either end.
 *
 * One number would do where both sides are padded alike, but tfjs then computes the width of the result from the height and
 * the vertical stride of the window: it is for square windows only.
 */
export function windowPadding(window: {
  readonly kernel: Extent;
  readonly stride: Extent;
  readonly padding: Extent;
  readonly dilation?: Extent;
}): 'valid' | number | ExplicitPadding {
  const { kernel, stride, padding, dilation = [1, 1] } = window;
  if (padding[0] === 0 && padding[1] === 0) return 'valid';
  const isSquare = [kernel, stride, padding, dilation].every(
    ([vertical, horizontal]) => vertical === horizontal,
  );
  return isSquare ? padding[0] : margins(padding);
}
