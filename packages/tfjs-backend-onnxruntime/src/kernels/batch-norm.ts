// Batch normalisation. `FusedBatchNorm` is tfjs's own kernel, for inference. `BatchNormTraining` and its gradient are
// kernels of this backend (any backend may register them): statistics of the batch, normalisation and, with a
// `slope`, the PReLU that follows, as one node. Training deep networks from tfjs's small operations
// instead costs more than twice the time and the memory.
//
// Variance is E[x^2] - mean^2, one pass over the activations, unless that would lose digits: where the mean of some
// channel is more than four deviations away from zero, the graph takes the mean of (x - mean)^2 instead, in two. (The
// sums have a relative error of a few 1e-6, which the difference magnifies by 1 + mean^2/variance, so by at most 17.)
// The sums of the gradient use x without centring; their error grows only linearly with |mean| / deviation.

import type { FusedBatchNormAttrs } from '@tensorflow/tfjs-core';
import { lowerBroadcast } from '../lowering/broadcast.ts';
import { type ChannelAlgebra, channelAlgebra } from '../lowering/channel-algebra.ts';
import type { Lowering } from '../lowering/lowering.ts';
import { perChannelPrelu } from '../lowering/per-channel-prelu.ts';
import { sameShape, type TraceNode, type TraceValue, trace, type ValueType } from '../trace/trace-graph.ts';
import { composed, type KernelRow, required, traceMany, traceOp } from './kernel-row.ts';

interface BatchNormAttributes {
  readonly epsilon: number;
}

const training = traceOp('BatchNormTraining', lowerTraining, { isComputableAgain: true });
const trainingGradient = traceOp('BatchNormTrainingGrad', lowerTrainingGradient);
const perChannelAffine = traceOp('FusedBatchNorm', lowerPerChannelAffine, { isChannelMap: isPerChannel });

export const batchNormKernels: readonly KernelRow[] = [
  composed<BatchNormAttributes>('BatchNormTraining', (call, { epsilon }) => {
    const inputs = ['x', 'scale', 'offset'].map((name) => required(call, name));
    const slope = call.tensors.slope;
    if (slope) inputs.push(call.value(slope));
    const [x, scale, , slopes] = inputs as [TraceValue, TraceValue, TraceValue, TraceValue?];
    const convex = slopes !== undefined && call.areConvex(slopes);
    return traceMany(training, inputs, [x, scale, scale].map(typeOf), { epsilon, convex });
  }),
  composed<BatchNormAttributes>('BatchNormTrainingGrad', (call, { epsilon }) => {
    const inputs = ['dy', 'x', 'scale', 'offset', 'mean', 'variance'].map((name) => required(call, name));
    const slope = call.tensors.slope;
    if (slope) inputs.push(call.value(slope));
    const [, x, scale] = inputs as [TraceValue, TraceValue, TraceValue];
    const types = slope ? [x, scale, scale, scale] : [x, scale, scale];
    return traceMany(trainingGradient, inputs, types.map(typeOf), { epsilon });
  }),
  composed<FusedBatchNormAttrs>('FusedBatchNorm', (call, { varianceEpsilon }) => {
    const x = required(call, 'x');
    const mean = required(call, 'mean');
    const variance = required(call, 'variance');
    const { scale, offset } = call.tensors;
    const inputs = [x, mean, variance];
    if (scale) inputs.push(call.value(scale));
    if (offset) inputs.push(call.value(offset));
    return trace(perChannelAffine, inputs, typeOf(x), {
      epsilon: varianceEpsilon ?? 0.001,
      scaled: scale !== undefined && scale !== null,
      shifted: offset !== undefined && offset !== null,
    });
  }),
];

function typeOf({ shape, dtype }: ValueType): ValueType {
  return { shape, dtype };
}

/** scale / sqrt(variance + epsilon), and what then has to be added so that `mean` comes out at `offset`. */
function normaliser(
  lowering: Lowering,
  variance: string,
  epsilon: number,
  scale: string | null,
): { inverseDeviation: string; gain: string } {
  const deviation = lowering.op('Sqrt', [lowering.op('Add', [variance, lowering.scalar(epsilon)])]);
  const inverseDeviation = lowering.op('Reciprocal', [deviation]);
  return {
    inverseDeviation,
    gain: scale === null ? inverseDeviation : lowering.op('Mul', [scale, inverseDeviation]),
  };
}

function lowerTraining(node: TraceNode, lowering: Lowering): void {
  const [x, scaleValue, offsetValue, slopeValue] = node.inputs as [
    TraceValue,
    TraceValue,
    TraceValue,
    TraceValue?,
  ];
  const [y, meanOutput, varianceOutput] = node.outputs as [TraceValue, TraceValue, TraceValue];
  const algebra = channelAlgebra(lowering, x);
  const input = lowering.in(algebra.layout, x);
  const scale = lowering.last(scaleValue);
  const offset = lowering.last(offsetValue);
  const perElement = lowering.scalar(1 / algebra.count);
  const mean = lowering.op('Mul', [algebra.sum(input), perElement]);
  const variance = batchVariance(lowering, algebra, input, mean, meanOutput);
  const { gain } = normaliser(lowering, variance, node.attributes.epsilon as number, scale);
  const shift = lowering.op('Sub', [offset, lowering.op('Mul', [mean, gain])]);
  const normalised = (by: string) =>
    slopeValue
      ? perChannelPrelu(lowering, algebra, input, {
          slope: lowering.last(slopeValue),
          isConvex: node.attributes.convex as boolean,
          map: { gain: by, shift },
        })
      : algebra.affine(input, by, shift);
  lowering.define(y, algebra.layout, normalised(gain));
  // Its gradient needs x but not y, so the convolution that follows is all that y would be held for.
  lowering.computableAgain(y, (delayed) => normalised(delayed(gain)));
  lowering.define(meanOutput, 'last', mean);
  lowering.define(varianceOutput, 'last', variance);
}

/** How many variances the squared mean may be before the variance is taken in two passes. */
const largestMeanSquare = 16;

function batchVariance(
  lowering: Lowering,
  algebra: ChannelAlgebra,
  x: string,
  mean: string,
  type: ValueType,
): string {
  const perElement = lowering.scalar(1 / algebra.count);
  const meanSquare = lowering.op('Mul', [mean, mean]);
  const quick = lowering.op('Sub', [lowering.op('Mul', [algebra.dot(x, x), perElement]), meanSquare]);
  const margin = lowering.op('Sub', [
    lowering.op('Mul', [quick, lowering.scalar(largestMeanSquare)]),
    meanSquare,
  ]);
  const smallest = lowering.op('ReduceMin', [margin], { keepdims: 0 });
  const isSafe = lowering.op('GreaterOrEqual', [smallest, lowering.scalar(0)]);
  const inTwoPasses = () => {
    const channels = type.shape[0]!;
    const ones = lowering.graph.constant('float32', [channels], new Array(channels).fill(1));
    const centred = algebra.affine(x, ones, lowering.op('Neg', [mean]));
    return lowering.op('Mul', [algebra.dot(centred, centred), perElement]);
  };
  return lowering.conditional(isSafe, () => lowering.op('Identity', [quick]), inTwoPasses, type);
}

// With z = x*gain + shift, the upstream gradient of z is dz = slope*dy + (1 - slope)*g, where g is dy where z > 0 and
// 0 elsewhere. Sums of dz and of dz*x follow from those of dy and g, so dz itself is never stored, and
//   dx = gain * (dz - sum(dz)/M - xhat * sum(dz*xhat)/M).
function lowerTrainingGradient(node: TraceNode, lowering: Lowering): void {
  const [dyValue, xValue, scaleValue, offsetValue, meanValue, varianceValue, slopeValue] = node.inputs as [
    TraceValue,
    TraceValue,
    TraceValue,
    TraceValue,
    TraceValue,
    TraceValue,
    TraceValue?,
  ];
  const [dxOutput, dscaleOutput, doffsetOutput, dslopeOutput] = node.outputs as [
    TraceValue,
    TraceValue,
    TraceValue,
    TraceValue?,
  ];
  const algebra = channelAlgebra(lowering, xValue);
  const dy = lowering.in(algebra.layout, dyValue);
  const x = lowering.in(algebra.layout, xValue);
  const mean = lowering.last(meanValue);
  const mul = (a: string, b: string) => lowering.op('Mul', [a, b]);
  const add = (a: string, b: string) => lowering.op('Add', [a, b]);
  const sub = (a: string, b: string) => lowering.op('Sub', [a, b]);
  const { inverseDeviation, gain } = normaliser(
    lowering,
    lowering.last(varianceValue),
    node.attributes.epsilon as number,
    lowering.last(scaleValue),
  );

  let sumDz = algebra.sum(dy);
  let sumDzX = algebra.dot(dy, x);
  let gated: { g: string; slope: string; rest: string } | null = null;
  if (slopeValue) {
    const slope = lowering.last(slopeValue);
    const rest = sub(lowering.scalar(1), slope);
    const shift = sub(lowering.last(offsetValue), mul(mean, gain));
    const g = mul(algebra.positive(x, gain, shift), dy);
    const sumG = algebra.sum(g);
    const sumGX = algebra.dot(g, x);
    const belowSum = sub(sumDz, sumG);
    const belowDot = sub(sumDzX, sumGX);
    lowering.define(dslopeOutput!, 'last', add(mul(gain, belowDot), mul(shift, belowSum)));
    sumDz = add(mul(slope, belowSum), sumG);
    sumDzX = add(mul(slope, belowDot), sumGX);
    gated = { g, slope, rest };
  }
  const dscale = mul(inverseDeviation, sub(sumDzX, mul(mean, sumDz)));
  lowering.define(dscaleOutput, 'last', dscale);
  lowering.define(doffsetOutput, 'last', sumDz);

  const perElement = lowering.scalar(1 / algebra.count);
  const xFactor = lowering.op('Neg', [mul(mul(gain, inverseDeviation), mul(dscale, perElement))]);
  const shift = lowering.op('Neg', [add(mul(xFactor, mean), mul(gain, mul(sumDz, perElement)))]);
  let dx = algebra.affine(x, xFactor, shift);
  if (gated) {
    dx = algebra.affine(dy, mul(gain, gated.slope), null, { summand: dx });
    dx = algebra.affine(gated.g, mul(gain, gated.rest), null, { summand: dx });
  } else {
    dx = algebra.affine(dy, gain, null, { summand: dx });
  }
  lowering.define(dxOutput, algebra.layout, dx);
}

/** One number per channel for each of the statistics, as is usual; they may be of any shape that broadcasts. */
function isPerChannel({ inputs: [x, ...statistics] }: TraceNode): boolean {
  const { length: rank } = x!.shape;
  return (rank === 4 || rank === 2) && statistics.every(({ shape }) => sameShape(shape, x!.shape.slice(-1)));
}

function lowerPerChannelAffine(node: TraceNode, lowering: Lowering): void {
  const { epsilon, scaled, shifted } = node.attributes;
  const [x, mean, variance, ...rest] = node.inputs as [TraceValue, TraceValue, TraceValue, ...TraceValue[]];
  const scale = scaled ? rest[0]! : null;
  const offset = shifted ? rest[scaled ? 1 : 0]! : null;
  if (isPerChannel(node)) {
    const algebra = channelAlgebra(lowering, x);
    const { gain } = normaliser(
      lowering,
      lowering.last(variance),
      epsilon as number,
      scale && lowering.last(scale),
    );
    const centre = lowering.op('Neg', [lowering.op('Mul', [lowering.last(mean), gain])]);
    const shift = offset ? lowering.op('Add', [centre, lowering.last(offset)]) : centre;
    const y =
      lowering.mapped(x, { gain, shift }) ?? algebra.affine(lowering.in(algebra.layout, x), gain, shift);
    lowering.define(node.outputs[0]!, algebra.layout, y);
    return;
  }
  lowerBroadcast(node, lowering, ([input, m, v, ...others]) => {
    const { gain } = normaliser(lowering, v!, epsilon as number, scaled ? others[0]! : null);
    const y = lowering.op('Mul', [lowering.op('Sub', [input!, m!]), gain]);
    return shifted ? lowering.op('Add', [y, others[scaled ? 1 : 0]!]) : y;
  });
}
