// PReLU with one slope per channel, on images, after a per-channel affine map or without one. As
//   prelu(z) = slope*z + (1 - slope)*relu(z)
// it is depthwise 1x1 convolutions with a summand, and needs no operator that looks at each element's sign. Two passes
// are enough where no slope is above 1, so that (1 - slope) can move into the ReLU. That is known in advance where the
// slopes are numbers already, as a variable's are; otherwise the graph decides while it runs. That costs a copy of the
// activations: ONNX Runtime cannot add to a summand in place where the sum is the result of a branch.

import type { ChannelAlgebra } from './channel-algebra.ts';
import type { Lowering } from './lowering.ts';

export interface PerChannelPrelu {
  /** A vector [C]. */
  readonly slope: string;
  /** Whether no slope is above 1, as far as that is known. */
  readonly isConvex: boolean;
  /** Vectors [C] of an affine map before it. */
  readonly map?: { readonly gain: string; readonly shift: string };
}

/** ONNX Runtime's blocked convolutions begin anew with every row of an image: one of 1x1 is quicker with all pixels in one. */
function asOneRow(lowering: Lowering, { layout, shape }: ChannelAlgebra, x: string): string {
  const [n, c, height, width] = shape as readonly [number, number, number, number];
  return layout === 'blocked' && height > 1 ? lowering.reshape(x, [n, c, 1, height * width]) : x;
}

/** The name of prelu(x*gain + shift), or of prelu(x) where no map is given. */
export function perChannelPrelu(
  lowering: Lowering,
  algebra: ChannelAlgebra,
  x: string,
  { slope, isConvex, map }: PerChannelPrelu,
): string {
  const mul = (a: string, b: string) => lowering.op('Mul', [a, b]);
  const rest = lowering.op('Sub', [lowering.scalar(1), slope]);
  const scaled = (factor: string): [gain: string, shift: string | null] =>
    map ? [mul(factor, map.gain), mul(factor, map.shift)] : [factor, null];
  const [slopedGain, slopedShift] = scaled(slope);
  const inTwoPasses = () => {
    const row = asOneRow(lowering, algebra, x);
    const positive = algebra.affine(row, ...scaled(rest), { relu: true });
    const y = algebra.affine(row, slopedGain, slopedShift, { summand: positive });
    return row === x ? y : lowering.reshape(y, algebra.shape);
  };
  if (isConvex) return inTwoPasses();
  const inThreePasses = () => {
    const positive = map ? algebra.affine(x, map.gain, map.shift, { relu: true }) : lowering.op('Relu', [x]);
    return algebra.affine(positive, rest, null, { summand: algebra.affine(x, slopedGain, slopedShift) });
  };
  const smallest = lowering.op('ReduceMin', [rest], { keepdims: 0 });
  const isSafe = lowering.op('GreaterOrEqual', [smallest, lowering.scalar(0)]);
  return lowering.conditional(isSafe, inTwoPasses, inThreePasses, {
    shape: algebra.shape,
    dtype: 'float32',
  });
}
