// Local response normalisation: y = x * s^-beta with s = bias + alpha * (sum of x² over the neighbouring channels).
// A sum over neighbouring channels is a product with a band matrix.

import type { LRNAttrs } from '@tensorflow/tfjs-core';
import type { Lowering } from '../lowering/lowering.ts';
import type { TraceNode } from '../trace/trace-graph.ts';
import { type KernelRow, primitive } from './kernel-row.ts';

function normalisation(node: TraceNode, lowering: Lowering, x: string) {
  const { depthRadius, bias, alpha, beta } = node.attributes as unknown as LRNAttrs;
  const channels = node.inputs[0]!.shape[3]!;
  const band = Array.from({ length: channels ** 2 }, (_, i) =>
    Math.abs(Math.floor(i / channels) - (i % channels)) <= depthRadius ? 1 : 0,
  );
  const matrix = lowering.graph.constant('float32', [channels, channels], band);
  const neighbours = (name: string) => lowering.op('MatMul', [name, matrix]);
  const squares = neighbours(lowering.op('Mul', [x, x]));
  const scale = lowering.op('Add', [
    lowering.op('Mul', [squares, lowering.scalar(alpha)]),
    lowering.scalar(bias),
  ]);
  const factor = lowering.op('Pow', [scale, lowering.scalar(-beta)]);
  return { neighbours, scale, factor, share: 2 * alpha * beta };
}

const attributesOf = ({ depthRadius, bias, alpha, beta }: LRNAttrs) => ({ depthRadius, bias, alpha, beta });

export const localResponseKernels: readonly KernelRow[] = [
  primitive<LRNAttrs>({
    kernel: 'LRN',
    inputs: ['x'],
    infer: ([x], attributes) => ({ shape: x!.shape, dtype: x!.dtype, attributes: attributesOf(attributes) }),
    lower(node, lowering) {
      const x = lowering.last(node.inputs[0]!);
      const { factor } = normalisation(node, lowering, x);
      lowering.define(node.outputs[0]!, 'last', lowering.op('Mul', [x, factor]));
    },
  }),
  primitive<LRNAttrs>({
    kernel: 'LRNGrad',
    inputs: ['x', 'y', 'dy'],
    infer: ([x], attributes) => ({ shape: x!.shape, dtype: x!.dtype, attributes: attributesOf(attributes) }),
    lower(node, lowering) {
      const [x, y, dy] = node.inputs.map((value) => lowering.last(value)) as [string, string, string];
      const { neighbours, scale, factor, share } = normalisation(node, lowering, x);
      const own = lowering.op('Mul', [dy, factor]);
      const ratio = lowering.op('Div', [lowering.op('Mul', [dy, y]), scale]);
      const others = lowering.op('Mul', [lowering.op('Mul', [neighbours(ratio), x]), lowering.scalar(share)]);
      lowering.define(node.outputs[0]!, 'last', lowering.op('Sub', [own, others]));
    },
  }),
];
