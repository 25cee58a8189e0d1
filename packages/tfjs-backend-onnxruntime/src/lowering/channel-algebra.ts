// Per-channel linear algebra on activations, the building blocks of batch normalisation: sum and dot product over
// everything but the channel, an affine map with one scale and shift per channel, a mask of where that map is
// positive. In the blocked layout all but the sum are depthwise convolutions, which ONNX Runtime runs several times
// faster than the same arithmetic as broadcasts: an affine map is a 1x1 one (bias, ReLU and a summand come free),
// a dot product is one whose kernel is as large as the image.

import type { Shape, TraceValue } from '../trace/trace-graph.ts';
import type { Layout, Lowering } from './lowering.ts';

/** Names of ONNX values: activations in the algebra's layout, or vectors [C]. */
export interface ChannelAlgebra {
  readonly layout: Layout;
  /** The shape of activations as ONNX sees them. */
  readonly shape: Shape;
  /** Elements per channel. */
  readonly count: number;
  /** x summed per channel: [C]. */
  sum(x: string): string;
  /** x*y summed per channel: [C]. */
  dot(x: string, y: string): string;
  /** x*scale + shift (+ summand), then ReLU if asked. */
  affine(
    x: string,
    scale: string,
    shift: string | null,
    options?: { summand?: string; relu?: boolean },
  ): string;
  /** 1 where x*scale + shift > 0, else 0. */
  positive(x: string, scale: string, shift: string): string;
}

/** The algebra for activations [N,H,W,C] or [N,C], in the best layout that `value` can have. */
export function channelAlgebra(lowering: Lowering, value: TraceValue): ChannelAlgebra {
  if (lowering.canBlock(value)) return blockedAlgebra(lowering, value.shape);
  if (value.shape.length === 4 && lowering.primary(value) === 'first') {
    return plainAlgebra(lowering, value.shape, 'first');
  }
  return plainAlgebra(lowering, value.shape, 'last');
}

// The mask is a ReLU-like ramp cut at 1. The gain makes it as good as a step (it is partial for values
// below 1e-18 only), and is small enough not to overflow together with any sane scale.
const rampGain = 1e18;

function blockedAlgebra(lowering: Lowering, shape: Shape): ChannelAlgebra {
  const [n, h, w, c] = shape as readonly [number, number, number, number];
  const filter = (scale: string) => lowering.reshape(scale, [c, 1, 1, 1]);
  const pointwise = { kernel_shape: [1, 1], group: c };
  return {
    layout: 'blocked',
    shape: [n, c, h, w],
    count: n * h * w,
    sum(x) {
      const perImage = lowering.blockedOp('GlobalAveragePool', [x]);
      const total = lowering.reduceSum(lowering.reshape(perImage, [n, c]), [0]);
      return lowering.op('Mul', [total, lowering.scalar(h * w)]);
    },
    dot(x, y) {
      const perImage = lowering.blockedOp(
        'Conv',
        [lowering.reshape(x, [1, n * c, h, w]), lowering.reshape(y, [n * c, 1, h, w])],
        { kernel_shape: [h, w], group: n * c },
      );
      return lowering.reduceSum(lowering.reshape(perImage, [n, c]), [0]);
    },
    affine(x, scale, shift, { summand, relu = false } = {}) {
      const inputs = [x, filter(scale)];
      if (shift !== null || summand !== undefined) inputs.push(shift ?? '');
      if (summand !== undefined) inputs.push(summand);
      return lowering.blockedOp('Conv', inputs, relu ? { ...pointwise, activation: 'Relu' } : pointwise);
    },
    positive(x, scale, shift) {
      const gain = lowering.scalar(rampGain);
      return lowering.blockedOp(
        'Conv',
        [x, filter(lowering.op('Mul', [scale, gain])), lowering.op('Mul', [shift, gain])],
        { ...pointwise, activation: 'Clip', activation_params: { floats: [0, 1] } },
      );
    },
  };
}

function plainAlgebra(lowering: Lowering, shape: Shape, layout: 'first' | 'last'): ChannelAlgebra {
  const rank = shape.length;
  const c = shape[rank - 1]!;
  const channelAxis = layout === 'first' ? 1 : rank - 1;
  const axes = shape.map((_, axis) => axis).filter((axis) => axis !== channelAxis);
  const vector = (name: string) => (layout === 'first' ? lowering.reshape(name, [c, 1, 1]) : name);
  const affine: ChannelAlgebra['affine'] = (x, scale, shift, { summand, relu = false } = {}) => {
    let y = lowering.op('Mul', [x, vector(scale)]);
    if (shift !== null) y = lowering.op('Add', [y, vector(shift)]);
    if (summand !== undefined) y = lowering.op('Add', [y, summand]);
    return relu ? lowering.op('Relu', [y]) : y;
  };
  return {
    layout,
    shape: layout === 'first' ? [shape[0]!, c, ...shape.slice(1, -1)] : shape,
    count: shape.reduce((product, size) => product * size, 1) / c,
    sum: (x) => lowering.reduceSum(x, axes),
    dot: (x, y) => lowering.reduceSum(lowering.op('Mul', [x, y]), axes),
    affine,
    positive: (x, scale, shift) =>
      lowering.cast(lowering.op('Greater', [affine(x, scale, shift), lowering.scalar(0)]), 'float32'),
  };
}
