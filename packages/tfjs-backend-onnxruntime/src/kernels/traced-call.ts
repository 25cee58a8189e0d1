// A call of a kernel by tfjs, as the rows of the table see it.

import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { HostValues } from '../runtime/native-binding.ts';
import { makeLeaf } from '../trace/leaf.ts';
import { type DType, type Shape, sameShape, type TraceValue, trace } from '../trace/trace-graph.ts';
import type { KernelCall } from './kernel-row.ts';
import { reshapeOp } from './shape.ts';

/** What a call needs of the backend: its tensors, and what it knows of the slopes of PReLUs. */
export interface TensorStore {
  /** The value behind a tensor, in the shape in which it was computed. */
  stored(tensor: TensorInfo): TraceValue;
  /** The numbers of a tensor, now. */
  readSync(dataId: object): HostValues;
  /** See `KernelCall.areConvex`. */
  areConvex(slopes: TraceValue): boolean;
  /** Called before a tensor of so many bytes comes in, which may be the next batch of a program that reads nothing. */
  beforeBatch(bytes: number): void;
}

/** A class, because one is made for every kernel that is called. */
export class TracedCall implements KernelCall {
  readonly tensors: KernelCall['tensors'];
  readonly attributes: KernelCall['attributes'];
  readonly #store: TensorStore;

  constructor(store: TensorStore, tensors: KernelCall['tensors'], attributes: KernelCall['attributes']) {
    this.#store = store;
    this.tensors = tensors;
    this.attributes = attributes;
  }

  value(tensor: TensorInfo): TraceValue {
    return this.reshape(this.#store.stored(tensor), tensor.shape);
  }

  reshape(value: TraceValue, shape: Shape): TraceValue {
    return sameShape(value.shape, shape) ? value : trace(reshapeOp, [value], { shape, dtype: value.dtype });
  }

  read({ dataId }: TensorInfo): HostValues {
    return this.#store.readSync(dataId);
  }

  areConvex(slopes: TraceValue): boolean {
    return this.#store.areConvex(slopes);
  }

  number(value: number, dtype: DType = 'float32'): TraceValue {
    return makeLeaf([value], [], dtype);
  }

  leaf(values: HostValues, shape: Shape, dtype: DType): TraceValue {
    return makeLeaf(values, shape, dtype);
  }

  part(values: HostValues, shape: Shape, dtype: DType): TraceValue {
    this.#store.beforeBatch(values.byteLength);
    return makeLeaf(values, shape, dtype);
  }
}
