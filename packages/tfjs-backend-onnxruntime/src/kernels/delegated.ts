// Kernels that are not lowered to ONNX: some are computed by tfjs's plain CPU backend, which is loaded when the first
// of them is called, and some are refused. A delegated kernel is right but not lazy: it computes what it needs, and its
// results enter the graph as new inputs.

import { createRequire } from 'node:module';
import {
  type DataType,
  engine,
  getKernel,
  type KernelBackend,
  type TensorInfo,
  type TransformAttrs,
} from '@tensorflow/tfjs-core';
import { OnnxRuntimeBackendError } from '../errors.ts';
import type { HostValues } from '../runtime/native-binding.ts';
import { sizeOf } from '../trace/trace-graph.ts';
import { asDType } from './dtype.ts';
import { composed, type KernelCall, type KernelRow } from './kernel-row.ts';

const delegated = `
  BroadcastArgs Dilation2D Dilation2DBackpropFilter Dilation2DBackpropInput MaxPoolWithArgmax Multinomial
  NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 RaggedGather RaggedRange RaggedTensorToTensor
  RotateWithOffset SearchSorted SparseFillEmptyRows SparseReshape SparseSegmentMean SparseSegmentSum Unique`;

const refused = `
  Complex ComplexAbs FFT IFFT Imag Real StaticRegexReplace StringNGrams StringSplit StringToHashBucketFast`;

/** What this backend uses of tfjs's CPU backend. */
interface CpuBackend extends KernelBackend {
  readonly data: { get(dataId: object): { values: HostValues } };
  makeTensorInfo(shape: readonly number[], dtype: DataType, values: ArrayLike<number>): TensorInfo;
}

let cpu: CpuBackend | null = null;

function cpuBackend(): CpuBackend {
  if (cpu) return cpu;
  // The same (CommonJS) form in which Node loads tfjs-core, so that both see one registry.
  createRequire(import.meta.url)('@tensorflow/tfjs-backend-cpu');
  cpu = engine().findBackend('cpu') as CpuBackend;
  return cpu;
}

/** A tensor as JavaScript holds it. */
interface HostTensor {
  readonly values: HostValues;
  readonly shape: readonly number[];
  readonly dtype: DataType;
}

/** Runs a kernel of tfjs's plain CPU backend; some take lists of tensors, and some give one. Nothing of it stays there. */
function runOnCpu(
  kernel: string,
  inputs: Readonly<Record<string, HostTensor | readonly HostTensor[] | undefined>>,
  attributes: KernelCall['attributes'],
): HostTensor | HostTensor[] {
  const backend = cpuBackend();
  const made: TensorInfo[] = [];
  const give = ({ values, shape, dtype }: HostTensor): TensorInfo => {
    const copy = backend.makeTensorInfo(shape, dtype, values.slice());
    made.push(copy);
    // A few kernels ask for the rank, which only whole tensors have.
    return Object.assign(copy, { rank: shape.length });
  };
  const take = (output: TensorInfo): HostTensor => {
    made.push(output);
    return { values: backend.data.get(output.dataId).values, shape: output.shape, dtype: output.dtype };
  };
  const given = Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => [
      name,
      Array.isArray(tensor) ? tensor.map(give) : tensor && give(tensor as HostTensor),
    ]),
  );
  try {
    const outputs = getKernel(kernel, 'cpu').kernelFunc({
      inputs: given as KernelCall['tensors'],
      attrs: attributes,
      backend,
    });
    return Array.isArray(outputs) ? outputs.map(take) : take(outputs);
  } finally {
    for (const { dataId } of made) backend.disposeData(dataId);
  }
}

function readBy(call: KernelCall): (tensor: TensorInfo) => HostTensor {
  return (tensor) => ({ values: call.read(tensor), shape: tensor.shape, dtype: tensor.dtype });
}

function delegate(kernel: string): KernelRow {
  return composed(kernel, (call) => {
    const read = readBy(call);
    const inputs = Object.fromEntries(
      Object.entries(call.tensors).map(([name, tensor]) => [
        name,
        Array.isArray(tensor) ? tensor.map(read) : tensor && read(tensor),
      ]),
    );
    const outputs = runOnCpu(kernel, inputs, call.attributes);
    const leafOf = ({ values, shape, dtype }: HostTensor) => call.leaf(values, shape, asDType(dtype, kernel));
    return Array.isArray(outputs) ? outputs.map(leafOf) : leafOf(outputs);
  });
}

/** `Transform`, image by image: tfjs's CPU kernel leaves off after the first of a batch. */
const transform = composed<TransformAttrs>('Transform', (call, { outputShape }) => {
  const [image, transforms] = ['image', 'transforms'].map((name) => readBy(call)(call.tensors[name]!)) as [
    HostTensor,
    HostTensor,
  ];
  const [count = 0, ...one] = image.shape;
  const part = ({ values, dtype }: HostTensor, i: number, shape: readonly number[]): HostTensor => {
    const size = sizeOf(shape);
    return { values: values.subarray(i * size, (i + 1) * size), shape, dtype };
  };
  const results = Array.from({ length: count }, (_, i) => {
    const inputs = {
      image: part(image, i, [1, ...one]),
      transforms: part(transforms, transforms.shape[0] === 1 ? 0 : i, [1, transforms.shape[1]!]),
    };
    return runOnCpu('Transform', inputs, call.attributes) as HostTensor;
  });
  const shape = [count, ...(outputShape ?? one.slice(0, 2)), one[2]!];
  const whole = new Float32Array(sizeOf(shape));
  for (const [i, { values }] of results.entries()) whole.set(values, i * values.length);
  return call.leaf(whole, shape, asDType(image.dtype, 'Transform'));
});

function refuse(kernel: string): KernelRow {
  return composed(kernel, () => {
    throw new OnnxRuntimeBackendError(
      'unsupported-kernel',
      `${kernel} works on complex64 or string tensors, which the onnxruntime backend does not have. ` +
        "Use tf.setBackend('cpu') for it.",
      { op: kernel },
    );
  });
}

const names = (list: string) => list.trim().split(/\s+/);

/** Kernels that tfjs's plain CPU backend computes for this one. */
export const delegatedKernels: readonly KernelRow[] = [...names(delegated).map(delegate), transform];

/** Kernels that throw `unsupported-kernel`. */
export const refusedKernels: readonly KernelRow[] = names(refused).map(refuse);
