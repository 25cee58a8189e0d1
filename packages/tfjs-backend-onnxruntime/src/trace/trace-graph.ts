// What tracing produces. A registered kernel does not compute: it adds a node here and gets values back whose
// shape and dtype are known and whose numbers are not. A value is *concrete* when it has numbers (it was
// written by JavaScript or came out of a run) and *pending* while only its producer is known.

import type { Lowering } from '../lowering/lowering.ts';
import type { NativeTensor } from '../runtime/native-binding.ts';

export type DType = 'float32' | 'int32' | 'bool';
export type Shape = readonly number[];
export type TraceAttributes = Readonly<Record<string, number | boolean | string | readonly number[]>>;

/** What a node does: its name, a number that stands for it in signatures, and how it is said in ONNX. */
export interface TraceOp {
  readonly name: string;
  readonly code: number;
  lower(node: TraceNode, lowering: Lowering): void;
  /** Whether the node only scales and shifts the channels of its first input, so that a convolution before can do it. */
  readonly isChannelMap?: (node: TraceNode) => boolean;
  /** Whether the node adds images of the same shape, so that a convolution that gives one of them can add the other. */
  readonly isSumOfImages?: (node: TraceNode) => boolean;
  /** Whether the first result follows cheaply from values that are held for gradients anyway. */
  readonly isComputableAgain?: boolean;
  /** Whether the first input is a value of the forward pass, and the node takes one computed again as well. */
  readonly isOfBackwardPass?: boolean;
  /** Whether its results are sums of products of its inputs: zeros where one of them has no elements. */
  readonly isSumOfProducts?: boolean;
}

export interface ValueType {
  readonly shape: Shape;
  readonly dtype: DType;
}

export class TraceValue implements ValueType {
  readonly shape: Shape;
  readonly dtype: DType;
  /** The node that will compute the value; null once the value is concrete. */
  producer: TraceNode | null = null;
  /** The numbers; null while the value is pending. */
  tensor: NativeTensor | null = null;
  /** Whether it is known as the value of a variable. */
  isParameter = false;
  /** Scratch of the scheduler: the schedule that numbered the value last, and the number. */
  schedule = 0;
  position = 0;

  constructor(shape: Shape, dtype: DType) {
    this.shape = shape;
    this.dtype = dtype;
  }
}

let nodeCount = 0;
let callSite: string | null = null;

/** Nodes made from here on say that they were called there. */
export function setCallSite(site: string | null): void {
  callSite = site;
}

export class TraceNode {
  /** Grows with creation: sorting by it is an order in which nodes can run. */
  readonly id = nodeCount++;
  readonly op: TraceOp;
  readonly inputs: readonly TraceValue[];
  readonly attributes: TraceAttributes;
  readonly outputs: readonly TraceValue[];
  /** Where the program called the kernel, while that is recorded. */
  readonly callSite = callSite;
  /** Scratch of the scheduler. */
  schedule = 0;

  constructor(
    op: TraceOp,
    inputs: readonly TraceValue[],
    attributes: TraceAttributes,
    outputTypes: readonly ValueType[],
  ) {
    this.op = op;
    this.inputs = inputs;
    this.attributes = attributes;
    this.outputs = outputTypes.map(({ shape, dtype }) => {
      const value = new TraceValue(shape, dtype);
      value.producer = this;
      return value;
    });
  }
}

/** How many nodes were traced since the process started. */
export function tracedNodes(): number {
  return nodeCount;
}

/** Appends a node with one output. */
export function trace(
  op: TraceOp,
  inputs: readonly TraceValue[],
  type: ValueType,
  attributes: TraceAttributes = {},
): TraceValue {
  return new TraceNode(op, inputs, attributes, [type]).outputs[0]!;
}

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dimension of shape) size *= dimension;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
