// One step of stochastic gradient descent with momentum, of all parameters, as one node. Of small kernels it is half a
// dozen a parameter, more calls than the rest of a training step of a small network has together, and what they cost is
// JavaScript: what ONNX Runtime computes is the same operators in the same order, to the bit.

import { OnnxRuntimeBackendError } from '../errors.ts';
import { sameShape, type TraceNode, type TraceValue } from '../trace/trace-graph.ts';
import { composed, everyInput, type KernelRow, traceMany, traceOp } from './kernel-row.ts';

interface MomentumUpdateAttributes {
  /** Parameter by parameter, 1 where weight decay reaches it and 0 where it does not. */
  readonly decays: readonly number[];
  /** Whether the weight moves ahead along the momentum. */
  readonly nesterov: boolean;
}

/** Before the parameters come the learning rate, the momentum's factor and the weight decay, as scalars. */
const scalarCount = 3;

const momentumUpdate = traceOp('MomentumUpdate', (node, lowering) => {
  const [rate, keep, shrink] = node.inputs.slice(0, scalarCount).map((value) => lowering.last(value));
  const { nesterov } = node.attributes;
  const decays = node.attributes.decays as readonly number[];
  const op = (type: string, a: string, b: string) => lowering.op(type, [a, b]);
  for (const [i, decay] of decays.entries()) {
    const [weight, momentum, given] = parameter(node, i).map((value) => lowering.last(value)) as [
      string,
      string,
      string,
    ];
    const gradient = decay ? op('Add', given, op('Mul', weight, shrink!)) : given;
    const move = op('Mul', rate!, gradient);
    const next = op('Sub', op('Mul', momentum, keep!), move);
    const change = nesterov ? op('Sub', op('Mul', next, keep!), move) : next;
    lowering.define(node.outputs[2 * i]!, 'last', op('Add', weight, change));
    lowering.define(node.outputs[2 * i + 1]!, 'last', next);
  }
});

/** Weight, momentum and gradient. */
function parameter({ inputs }: Pick<TraceNode, 'inputs'>, index: number): TraceValue[] {
  return inputs.slice(scalarCount + 3 * index, scalarCount + 3 * index + 3);
}

function checkInputs(inputs: readonly TraceValue[], count: number): void {
  const isRight =
    inputs.length === scalarCount + 3 * count &&
    inputs.every(({ dtype }) => dtype === 'float32') &&
    inputs.slice(0, scalarCount).every(({ shape }) => shape.length === 0) &&
    Array.from({ length: count }, (_, i) => parameter({ inputs }, i)).every(
      ([weight, momentum, gradient]) =>
        sameShape(weight!.shape, momentum!.shape) && sameShape(weight!.shape, gradient!.shape),
    );
  if (isRight) return;
  const found = inputs.map(({ shape, dtype }) => `${dtype}[${shape.join(',')}]`).join(', ');
  throw new OnnxRuntimeBackendError(
    'unsupported-attribute',
    `MomentumUpdate takes three scalars and, for each of its ${count} decays, weight, momentum and gradient of one ` +
      `shape, all float32; found ${found || 'nothing'}.`,
    { op: 'MomentumUpdate' },
  );
}

export const momentumUpdateKernels: readonly KernelRow[] = [
  composed<MomentumUpdateAttributes>('MomentumUpdate', (call, { decays, nesterov }) => {
    const inputs = everyInput(call);
    checkInputs(inputs, decays.length);
    const results = decays.flatMap((_, i) => parameter({ inputs }, i).slice(0, 2));
    return traceMany(momentumUpdate, inputs, results, { decays, nesterov });
  }),
];
