// From a schedule to an ONNX model: declare the leaves as inputs, lower every node in order, declare what was asked
// for as outputs.

import { OnnxRuntimeBackendError } from '../errors.ts';
import { OnnxGraph } from '../onnx/graph.ts';
import type { Schedule } from '../trace/schedule.ts';
import { hasBackwardPass } from '../trace/steady-parameters.ts';
import { sizeOf, type TraceNode, type TraceValue } from '../trace/trace-graph.ts';
import { Lowering, type LoweringOptions } from './lowering.ts';
import { resultsToRecompute } from './recomputed-results.ts';

/** An ONNX model and how the values of the schedule are called in it. */
export interface CompiledModel {
  readonly bytes: Uint8Array;
  readonly nodes: number;
  /** The input of each leaf. */
  readonly inputs: readonly string[];
  /** The output of each value asked for. */
  readonly outputs: readonly string[];
  /** Where the kernels were called, by the number of the first value that each writes; if call sites were kept. */
  readonly callSites?: readonly { readonly firstValue: number; readonly site: string }[];
}

/** Values that nothing reads but one node that maps their channels. */
function mappedOnly({ nodes, outputs }: Schedule): Set<TraceValue> {
  const mapped = new Set<TraceValue>();
  const readOtherwise = new Set(outputs);
  for (const node of nodes) {
    for (const [i, input] of node.inputs.entries()) {
      if (i === 0 && node.op.isChannelMap?.(node) && !mapped.has(input)) mapped.add(input);
      else readOtherwise.add(input);
    }
  }
  for (const value of readOtherwise) mapped.delete(value);
  return mapped;
}

/**
 * Values that nothing reads but one node, once, that adds another image to them. None in training: a sum that a convolution takes
 * along is rounded otherwise, and what a step computes must not depend on which of its values somebody looks at.
 */
function summedOnly(schedule: Schedule): Set<TraceValue> {
  const summed = new Set<TraceValue>();
  if (hasBackwardPass(schedule)) return summed;
  const { nodes, outputs } = schedule;
  const readOtherwise = new Set(outputs);
  for (const node of nodes) {
    const isSum = node.op.isSumOfImages?.(node) === true;
    for (const input of node.inputs) {
      if (isSum && !summed.has(input)) summed.add(input);
      else readOtherwise.add(input);
    }
  }
  for (const value of readOtherwise) summed.delete(value);
  return summed;
}

/** Whether the results have no elements, or are sums of nothing: they need no operator, and many operators would refuse. */
function isZero({ op, inputs, outputs }: TraceNode): boolean {
  const isEmpty = ({ shape }: TraceValue) => sizeOf(shape) === 0;
  return outputs.every(isEmpty) || (op.isSumOfProducts === true && inputs.some(isEmpty));
}

export function compileSchedule(schedule: Schedule, options: LoweringOptions): CompiledModel {
  const graph = new OnnxGraph();
  const lowering = new Lowering(graph, options, {
    mappedOnly: mappedOnly(schedule),
    summedOnly: summedOnly(schedule),
    recomputed: resultsToRecompute(schedule, options.heldBytes),
  });
  const inputs = schedule.leaves.map((leaf) => {
    const name = graph.input(leaf.dtype, leaf.shape);
    lowering.define(leaf, 'last', name);
    return name;
  });
  const callSites: { firstValue: number; site: string }[] = [];
  for (const node of schedule.nodes) {
    graph.scope = node.op.name;
    if (node.callSite) callSites.push({ firstValue: graph.valueCount, site: node.callSite });
    if (isZero(node)) {
      for (const output of node.outputs) lowering.define(output, 'last', lowering.filled(0, output));
      continue;
    }
    try {
      node.op.lower(node, lowering);
    } catch (cause) {
      if (cause instanceof OnnxRuntimeBackendError) throw cause;
      throw new OnnxRuntimeBackendError(
        'compilation-failed',
        `${node.op.name} could not be lowered to ONNX (inputs ${node.inputs
          .map(({ shape, dtype }) => `${dtype}[${shape.join(',')}]`)
          .join(', ')}): ${cause instanceof Error ? cause.message : String(cause)}`,
        { op: node.op.name, callSite: node.callSite ?? undefined, cause },
      );
    }
  }
  graph.scope = 'output';
  const outputs = schedule.outputs.map((value) =>
    graph.output(lowering.last(value), value.dtype, value.shape),
  );
  const model = { bytes: graph.serialise(), nodes: graph.nodeCount, inputs, outputs };
  return callSites.length > 0 ? { ...model, callSites } : model;
}
