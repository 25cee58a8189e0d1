// The gradient of `MirrorPad`. tfjs-core's own rule hands back what stands in the middle and leaves out what was mirrored, to the sides
// of it. A pixel near an edge is in the result twice, so it gets both gradients. The same on every backend.

import {
  add,
  type GradConfig,
  type MirrorPadAttrs,
  pad,
  registerGradient,
  reverse,
  slice,
  type Tensor,
} from '@tensorflow/tfjs-core';

const rule: GradConfig = {
  kernelName: 'MirrorPad',
  inputsToSave: ['x'],
  gradFunc(dy, [x], attributes) {
    const { paddings, mode } = attributes as unknown as MirrorPadAttrs;
    const unmirrored = () =>
      x!.shape.reduce(
        (gradient, size, axis) =>
          unmirroredAxis(gradient, { axis, size, sides: paddings[axis]!, edge: mode === 'reflect' ? 1 : 0 }),
        dy as Tensor,
      );
    return { x: unmirrored };
  },
};

interface MirroredAxis {
  readonly axis: number;
  /** Without padding. */
  readonly size: number;
  /** How much was mirrored before and after it. */
  readonly sides: readonly [number, number];
  /** 1 where the elements at the ends are the mirrors themselves, 0 where they are mirrored, too. */
  readonly edge: 0 | 1;
}

/** What was mirrored along one axis, added to where it came from. */
function unmirroredAxis(dy: Tensor, { axis, size, sides, edge }: MirroredAxis): Tensor {
  const [before, after] = sides;
  if (before === 0 && after === 0) return dy;
  const part = (begin: number, length: number) =>
    slice(
      dy,
      dy.shape.map((_, i) => (i === axis ? begin : 0)),
      dy.shape.map((whole, i) => (i === axis ? length : whole)),
    );
  const mirrored = (begin: number, length: number, place: number) => {
    const margins = dy.shape.map((_, i): [number, number] =>
      i === axis ? [place, size - place - length] : [0, 0],
    );
    return pad(reverse(part(begin, length), axis), margins);
  };
  let sum = part(before, size);
  if (before > 0) sum = add(sum, mirrored(0, before, edge));
  if (after > 0) sum = add(sum, mirrored(before + size, after, size - edge - after));
  return sum;
}

/** Puts this rule in the place of tfjs-core's, which must be registered already. */
export function registerMirrorPadGradient(): void {
  registerGradient(rule);
}
