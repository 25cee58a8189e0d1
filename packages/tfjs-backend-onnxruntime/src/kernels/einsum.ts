// Einstein summation: tfjs checks the equation, ONNX has the operator.

import { backend_util, type EinsumAttrs } from '@tensorflow/tfjs-core';
import { type TraceValue, trace } from '../trace/trace-graph.ts';
import { composed, everyInput, type KernelRow, traceOp } from './kernel-row.ts';

const einsum = traceOp(
  'Einsum',
  (node, lowering) => {
    const output = node.outputs[0]!;
    const operands = node.inputs.map((x) =>
      x.dtype === output.dtype ? lowering.last(x) : lowering.cast(lowering.last(x), output.dtype),
    );
    const sum = lowering.op('Einsum', operands, { equation: node.attributes.equation as string });
    lowering.define(output, 'last', lowering.reshape(sum, output.shape));
  },
  { isSumOfProducts: true },
);

function sizes(labels: string, inputs: readonly string[], values: readonly TraceValue[]): number[] {
  return [...labels].map((label) => {
    const index = inputs.findIndex((term) => term.includes(label));
    return values[index]!.shape[inputs[index]!.indexOf(label)]!;
  });
}

export const einsumKernels: readonly KernelRow[] = [
  composed<EinsumAttrs>('Einsum', (call, attributes) => {
    const values = everyInput(call);
    const equation = attributes.equation.replace(/\s/g, '');
    const { allDims, idDims } = backend_util.decodeEinsumEquation(equation, values.length);
    backend_util.checkEinsumDimSizes(allDims.length, idDims, values as never);
    const [terms, labels] = equation.split('->') as [string, string];
    const shape = sizes(labels, terms.split(','), values);
    const dtype = values.some((x) => x.dtype === 'float32') ? 'float32' : 'int32';
    return trace(einsum, values, { shape, dtype }, { equation });
  }),
];
