// `PreluGrad`, a kernel of this backend: both gradients of a PReLU in one node. tfjs's own rule makes them of comparisons,
// selections and sums, each a pass over the activations; where there is a slope a channel, or one for all, they are
// per-channel algebra, which in the blocked layout is convolutions. (Behind a batch normalisation the PReLU is part of
// that kernel.)

import { broadcast_util } from '@tensorflow/tfjs-core';
import { channelAlgebra } from '../lowering/channel-algebra.ts';
import type { Lowering } from '../lowering/lowering.ts';
import { sizeOf, type TraceNode, type TraceValue, type ValueType } from '../trace/trace-graph.ts';
import { binaryKernels } from './binary.ts';
import {
  composed,
  type KernelCall,
  type KernelRow,
  required,
  traceKernel,
  traceMany,
  traceOp,
} from './kernel-row.ts';
import { reductionKernels } from './reduction.ts';

const gradient = traceOp('PreluGrad', lowerGradient);

export const preluGradientKernels: readonly KernelRow[] = [
  composed('PreluGrad', (call) => {
    const [dy, x, alpha] = ['dy', 'x', 'alpha'].map((name) => required(call, name)) as Operands;
    const types: ValueType[] = [x, alpha].map(({ shape }) => ({ shape, dtype: 'float32' }));
    return isPerChannel(x, alpha)
      ? traceMany(gradient, [dy, x, alpha], types)
      : perElement(call, [dy, x, alpha]);
  }),
];

type Operands = [dy: TraceValue, x: TraceValue, alpha: TraceValue];

/** A slope a channel, or one for all, of images or rows. */
function isPerChannel({ shape }: TraceValue, alpha: TraceValue): boolean {
  const channels = shape.at(-1);
  const isVector = sizeOf(alpha.shape) === channels && alpha.shape.at(-1) === channels;
  return (shape.length === 4 || shape.length === 2) && (isVector || sizeOf(alpha.shape) === 1);
}

const parts = new Map([...binaryKernels, ...reductionKernels].map((row) => [row.kernel, row]));

/** As tfjs's own gradient has it: for slopes that differ from place to place. */
function perElement(call: KernelCall, [dy, x, alpha]: Operands): readonly TraceValue[] {
  const run = (kernel: string, inputs: Record<string, TraceValue>, attributes?: object) =>
    traceKernel(call, parts.get(kernel)!, inputs, attributes);
  const isPositive = run('Greater', { a: x, b: call.number(0) });
  const sloped = run('Multiply', { a: dy, b: alpha });
  const product = run('Multiply', { a: dy, b: x });
  const nothing = run('Multiply', { a: dy, b: call.number(0) });
  const below = run('Select', { condition: isPositive, t: nothing, e: product });
  const axis = broadcast_util.getReductionAxes([...alpha.shape], [...x.shape]);
  const summed = axis.length === 0 ? below : run('Sum', { x: below }, { axis, keepDims: false });
  return [run('Select', { condition: isPositive, t: dy, e: sloped }), call.reshape(summed, alpha.shape)];
}

function lowerGradient(node: TraceNode, lowering: Lowering): void {
  const [dyValue, xValue, alphaValue] = node.inputs as Operands;
  const [dx, dalpha] = node.outputs as [TraceValue, TraceValue];
  const channels = xValue.shape.at(-1)!;
  const isShared = sizeOf(alphaValue.shape) === 1;
  const algebra = channelAlgebra(lowering, xValue);
  const dy = lowering.in(algebra.layout, dyValue);
  const x = lowering.in(algebra.layout, xValue);
  const vector = (value: number) =>
    lowering.graph.constant('float32', [channels], new Array(channels).fill(value));
  const given = lowering.reshape(lowering.last(alphaValue), isShared ? [1] : [channels]);
  const slope = isShared ? lowering.op('Expand', [given, lowering.integers([channels])]) : given;
  // dy where x is not positive, else 0. In the blocked layout by a mask that is a ramp, whose gain is one over the shift here:
  // it is 1 at 0 and below.
  const zero = lowering.scalar(0);
  const below =
    algebra.layout === 'blocked'
      ? lowering.op('Mul', [algebra.positive(x, vector(-1), vector(1e-18)), dy])
      : lowering.op('Where', [lowering.op('Greater', [x, zero]), zero, dy]);
  const excess = lowering.op('Sub', [slope, lowering.scalar(1)]);
  lowering.define(dx, algebra.layout, algebra.affine(below, excess, null, { summand: dy }));
  const perChannel = algebra.dot(below, x);
  const sum = isShared ? lowering.reduceSum(perChannel, [0]) : perChannel;
  lowering.define(dalpha, 'last', lowering.reshape(sum, dalpha.shape));
}
