// A tfjs kernel as this backend knows it: a row with a name, the inputs it takes, the rule for shape and dtype of
// what comes out, and how that is said in ONNX. A kernel that is made of others has no lowering of its own: it is
// a row that traces them.

import type { NamedAttrMap, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import type { Lowering } from '../lowering/lowering.ts';
import type { HostValues } from '../runtime/native-binding.ts';
import { nameCode } from '../trace/signature.ts';
import {
  type DType,
  type TraceAttributes,
  TraceNode,
  type TraceOp,
  TraceValue,
  trace,
  type ValueType,
} from '../trace/trace-graph.ts';

/** What a kernel is called with. */
export interface KernelCall {
  readonly tensors: NamedTensorInfoMap;
  readonly attributes: NamedAttrMap;
  /** The traced value of a tensor, in the tensor's own shape. */
  value(tensor: TensorInfo): TraceValue;
  /** The same numbers under another shape. */
  reshape(value: TraceValue, shape: readonly number[]): TraceValue;
  /** A number from JavaScript as a leaf: it can change without a new compilation. */
  number(value: number, dtype?: DType): TraceValue;
  /** Whether the slopes of the PReLU that the kernel has are known to be 1 or less; see trace/steep-prelus.ts. */
  areConvex(slopes: TraceValue): boolean;
  /** The numbers of a tensor, now: computes what is pending. */
  read(tensor: TensorInfo): HostValues;
  /** Numbers worked out while tracing, as a leaf. */
  leaf(values: HostValues, shape: readonly number[], dtype: DType): TraceValue;
  /** The same of numbers that are cut out of a tensor, as the next batch is of a dataset. */
  part(values: HostValues, shape: readonly number[], dtype: DType): TraceValue;
}

/** A result that shares the numbers of an input under another shape. */
export interface Alias {
  readonly aliasOf: TensorInfo;
  readonly shape: readonly number[];
}

export type KernelResult = TraceValue | readonly TraceValue[] | Alias;

export interface KernelRow {
  readonly kernel: string;
  run(call: KernelCall): KernelResult;
}

/** The type of a node's only output, with the attributes that its lowering needs. */
export interface Inferred extends ValueType {
  readonly attributes?: TraceAttributes;
}

type OpProperties = Omit<TraceOp, 'name' | 'code' | 'lower'>;

/** An operation that nodes can be made of; the name is what errors and profiles show. */
export function traceOp(
  name: string,
  lower: (node: TraceNode, lowering: Lowering) => void,
  properties: OpProperties = {},
): TraceOp {
  return { name, code: nameCode(name), lower, ...properties };
}

/** A kernel with one output that is one node. */
export function primitive<KernelAttributes = NamedAttrMap>(row: {
  kernel: string;
  /** Names of the inputs in the order in which the lowering finds them; absent ones are left out. */
  inputs: readonly string[];
  infer(inputs: readonly TraceValue[], attributes: KernelAttributes, call: KernelCall): Inferred;
  lower(node: TraceNode, lowering: Lowering): void;
  properties?: OpProperties;
}): KernelRow {
  const op = traceOp(row.kernel, row.lower, row.properties);
  return {
    kernel: row.kernel,
    run(call) {
      const inputs: TraceValue[] = [];
      for (const name of row.inputs) {
        const tensor = call.tensors[name];
        if (tensor) inputs.push(call.value(tensor));
      }
      const inferred = row.infer(inputs, call.attributes as unknown as KernelAttributes, call);
      return trace(op, inputs, inferred, inferred.attributes);
    },
  };
}

/** A kernel that is traced as other operations, or that only renames its input. */
export function composed<KernelAttributes = NamedAttrMap>(
  kernel: string,
  run: (call: KernelCall, attributes: KernelAttributes) => KernelResult,
): KernelRow {
  return { kernel, run: (call) => run(call, call.attributes as unknown as KernelAttributes) };
}

/** A node with several outputs. */
export function traceMany(
  op: TraceOp,
  inputs: readonly TraceValue[],
  types: readonly ValueType[],
  attributes: TraceAttributes = {},
): readonly TraceValue[] {
  return new TraceNode(op, inputs, attributes, types).outputs;
}

/** An input that the kernel cannot do without. */
export function required(call: KernelCall, name: string): TraceValue {
  return call.value(call.tensors[name]!);
}

/** All inputs of a kernel that takes a list. */
export function everyInput(call: KernelCall): TraceValue[] {
  return Object.values(call.tensors).map((tensor) => call.value(tensor!));
}

/** Traces another kernel, of one output, on values instead of tensors. */
export function traceKernel(
  call: KernelCall,
  row: KernelRow,
  inputs: Readonly<Record<string, TraceValue>>,
  attributes: object = {},
): TraceValue {
  // A value has the shape and dtype of a tensor; rows get everything else about a tensor from `value`.
  const nested: KernelCall = {
    tensors: inputs as unknown as NamedTensorInfoMap,
    attributes: attributes as NamedAttrMap,
    value: (tensor) => tensor as unknown as TraceValue,
    reshape: (value, shape) => call.reshape(value, shape),
    number: (value, dtype) => call.number(value, dtype),
    areConvex: (slopes) => call.areConvex(slopes),
    leaf: (values, shape, dtype) => call.leaf(values, shape, dtype),
    part: (values, shape, dtype) => call.part(values, shape, dtype),
    read: (tensor) => call.read(tensor),
  };
  const result = row.run(nested);
  if (result instanceof TraceValue) return result;
  if ('aliasOf' in result) return call.reshape(result.aliasOf as unknown as TraceValue, result.shape);
  return result[0]!;
}
