// What an inference computes from its parameters alone is the same in every run: filters permuted into blocks, batch norms
// as factors and summands. Compilers call it hoisting when such work is moved out of a loop; here it is moved out of
// the graph that runs for every batch, into one that runs when the parameters change.

import type { OnnxModel, OnnxNode, OnnxValue } from 'onnx-format';
import { readBy } from './creation-order.ts';

/** One model as two: the first computes values that the second takes for inputs. */
export interface HoistedModel {
  readonly preparation: OnnxModel;
  /** Names of the values handed over, outputs of `preparation`. */
  readonly prepared: readonly string[];
  /** The rest, given the types of the values handed over, in their order. */
  rest(types: readonly Omit<OnnxValue, 'name'>[]): OnnxModel;
}

/**
 * Splits a model by what follows from the inputs named `steady` (and constants) alone.
 *
 * @returns null where that is nothing, or where it reaches a result of the model
 */
export function hoisted(model: OnnxModel, steady: ReadonlySet<string>): HoistedModel | null {
  const { graph } = model;
  const constant = new Set(['', ...graph.initializers.map(({ name }) => name)]);
  const followsFromSteady = new Set(steady);
  /** Nodes of the preparation, and those of constants, which both models have: the rest may have to know them. */
  const early: OnnxNode[] = [];
  const late: OnnxNode[] = [];
  let count = 0;
  for (const node of graph.nodes) {
    const reads = readBy(node);
    const isConstant = reads.every((name) => constant.has(name));
    const isSteady = !isConstant && reads.every((name) => constant.has(name) || followsFromSteady.has(name));
    for (const name of isConstant || isSteady ? node.outputs : []) {
      (isConstant ? constant : followsFromSteady).add(name);
    }
    if (isConstant || isSteady) early.push(node);
    if (!isSteady) late.push(node);
    else count++;
  }
  if (count === 0 || graph.outputs.some(({ name }) => followsFromSteady.has(name))) return null;
  const isHandedOver = (name: string): boolean => followsFromSteady.has(name) && !steady.has(name);
  const prepared = [...new Set(late.flatMap(readBy).filter(isHandedOver))];
  const readEarly = new Set(early.flatMap(readBy));
  const readLate = new Set(late.flatMap(readBy));
  const part = (nodes: readonly OnnxNode[], reads: ReadonlySet<string>) => ({
    ...graph,
    nodes,
    initializers: graph.initializers.filter(({ name }) => reads.has(name)),
    inputs: graph.inputs.filter(({ name }) => reads.has(name)),
  });
  return {
    prepared,
    preparation: {
      ...model,
      graph: { ...part(early, readEarly), outputs: prepared.map((name) => ({ name })) },
    },
    rest: (types) => {
      const rest = part(late, readLate);
      const handedOver = prepared.map((name, i) => ({ ...types[i]!, name }));
      return { ...model, graph: { ...rest, inputs: [...rest.inputs, ...handedOver] } };
    },
  };
}
