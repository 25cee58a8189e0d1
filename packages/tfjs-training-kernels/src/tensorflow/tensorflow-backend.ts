/**
 * The part of tfjs-node's backend that kernels are written with: it runs one of TensorFlow's operations eagerly. Typed
 * here by its shape, so that this package needs neither tfjs-node nor tfjs-node-gpu to compile.
 */
import type { DataType, KernelBackend, Tensor, TensorInfo } from '@tensorflow/tfjs-core';

/** The name under which tfjs-node and tfjs-node-gpu register themselves. */
export const BACKEND_NAME = 'tensorflow';

/** An attribute of an operation, as the native binding takes it. */
export interface OperationAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: boolean | number | string | readonly number[];
}

export interface TensorFlowBackend extends KernelBackend {
  readonly isUsingGpuDevice: boolean;
  /** TensorFlow's numbers of dtypes and of kinds of attributes. */
  readonly binding: {
    readonly TF_FLOAT: number;
    readonly TF_INT32: number;
    readonly TF_ATTR_TYPE: number;
    readonly TF_ATTR_INT: number;
    readonly TF_ATTR_FLOAT: number;
    readonly TF_ATTR_BOOL: number;
    readonly TF_ATTR_STRING: number;
  };
  executeSingleOutput(
    operation: string,
    attributes: readonly OperationAttribute[],
    inputs: readonly TensorInfo[],
  ): Tensor;
  executeMultipleOutputs(
    operation: string,
    attributes: readonly OperationAttribute[],
    inputs: readonly TensorInfo[],
    outputs: number,
  ): Tensor[];
  /** An activation by the name that tfjs's fused operations give it; the input itself where it is `linear`. */
  applyActivation(input: Tensor, activation: string, slopes?: Tensor, leakyreluAlpha?: number): Tensor;
}

/** Builds attributes for a backend's binding. */
export function attributesFor({ binding }: TensorFlowBackend): {
  float32(name: string): OperationAttribute;
  /** The dtype of a tensor of numbers. */
  dtype(name: string, dtype: DataType): OperationAttribute;
  ints(name: string, value: readonly number[]): OperationAttribute;
  float(name: string, value: number): OperationAttribute;
  bool(name: string, value: boolean): OperationAttribute;
  string(name: string, value: string): OperationAttribute;
} {
  return {
    float32: (name) => ({ name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }),
    dtype: (name, dtype) => ({
      name,
      type: binding.TF_ATTR_TYPE,
      value: dtype === 'int32' ? binding.TF_INT32 : binding.TF_FLOAT,
    }),
    ints: (name, value) => ({ name, type: binding.TF_ATTR_INT, value }),
    float: (name, value) => ({ name, type: binding.TF_ATTR_FLOAT, value }),
    bool: (name, value) => ({ name, type: binding.TF_ATTR_BOOL, value }),
    string: (name, value) => ({ name, type: binding.TF_ATTR_STRING, value }),
  };
}
