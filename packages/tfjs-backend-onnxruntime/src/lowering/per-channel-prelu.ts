// PReLU with one slope per channel, on images, after a per-channel affine map or without one. As
//   prelu(z) = slope*z + (1 - slope)*relu(z)
// it is two depthwise 1x1 convolutions (the second takes the first as its summand), and needs no operator that looks at
// each element's sign.

import type { ChannelAlgebra } from './channel-algebra.ts';
import type { Lowering } from './lowering.ts';

/** The name of prelu(x*gain + shift), or of prelu(x) where no map is given; `slope` is a vector [C]. */
export function perChannelPrelu(
  lowering: Lowering,
  algebra: ChannelAlgebra,
  x: string,
  slope: string,
  map?: { readonly gain: string; readonly shift: string },
): string {
  const mul = (a: string, b: string) => lowering.op('Mul', [a, b]);
  const rest = lowering.op('Sub', [lowering.scalar(1), slope]);
  // Where no slope is above 1, the factor moves into the ReLU, which saves a pass; a factor below 0 cannot.
  const smallest = lowering.op('ReduceMin', [rest], { keepdims: 0 });
  const isConvex = lowering.op('GreaterOrEqual', [smallest, lowering.scalar(0)]);
  const scaled = (factor: string): [gain: string, shift: string | null] =>
    map ? [mul(factor, map.gain), mul(factor, map.shift)] : [factor, null];
  const [slopedGain, slopedShift] = scaled(slope);
  const inTwoPasses = () => {
    const positive = algebra.affine(x, ...scaled(rest), { relu: true });
    return algebra.affine(x, slopedGain, slopedShift, { summand: positive });
  };
  const inThreePasses = () => {
    const positive = map ? algebra.affine(x, map.gain, map.shift, { relu: true }) : lowering.op('Relu', [x]);
    return algebra.affine(positive, rest, null, { summand: algebra.affine(x, slopedGain, slopedShift) });
  };
  return lowering.conditional(isConvex, inTwoPasses, inThreePasses, {
    shape: algebra.shape,
    dtype: 'float32',
  });
}
