// Kernels that are not lowered to ONNX: some are computed by tfjs's plain CPU backend, which is loaded when the first
// of them is called, and some are refused. A delegated kernel is right but not lazy: it computes what it needs, and its
// results enter the graph as new inputs.

import { createRequire } from 'node:module';
import { type DataType, engine, getKernel, type KernelBackend, type TensorInfo } from '@tensorflow/tfjs-core';
import { OnnxRuntimeBackendError } from '../errors.ts';
import { asDType } from './dtype.ts';
import { composed, type KernelCall, type KernelRow } from './kernel-row.ts';

const delegated = `
  BroadcastArgs Dilation2D Dilation2DBackpropFilter Dilation2DBackpropInput MaxPoolWithArgmax Multinomial
  NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 RaggedGather RaggedRange RaggedTensorToTensor
  RotateWithOffset SearchSorted SparseFillEmptyRows SparseReshape SparseSegmentMean SparseSegmentSum Transform
  Unique`;

const refused = `
  Complex ComplexAbs FFT IFFT Imag Real StaticRegexReplace StringNGrams StringSplit StringToHashBucketFast`;

/** What this backend uses of tfjs's CPU backend. */
interface CpuBackend extends KernelBackend {
  readonly data: { get(dataId: object): { values: Float32Array | Int32Array | Uint8Array } };
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

function delegate(kernel: string): KernelRow {
  return composed(kernel, (call) => {
    const backend = cpuBackend();
    const made: TensorInfo[] = [];
    const give = (tensor: TensorInfo): TensorInfo => {
      const copy = backend.makeTensorInfo(tensor.shape, tensor.dtype, call.read(tensor).slice());
      made.push(copy);
      // A few kernels ask for the rank, which only whole tensors have.
      return Object.assign(copy, { rank: tensor.shape.length });
    };
    // A few kernels take a list of tensors among their inputs.
    const inputs = Object.fromEntries(
      Object.entries(call.tensors).map(([name, tensor]) => [
        name,
        Array.isArray(tensor) ? tensor.map(give) : tensor && give(tensor),
      ]),
    );
    const outputs = getKernel(kernel, 'cpu').kernelFunc({
      inputs: inputs as KernelCall['tensors'],
      attrs: call.attributes,
      backend,
    });
    const list = Array.isArray(outputs) ? outputs : [outputs];
    const values = list.map((output) => {
      const dtype = asDType(output.dtype, kernel);
      const numbers = backend.data.get(output.dataId).values;
      made.push(output);
      return call.leaf(numbers, output.shape, dtype);
    });
    for (const { dataId } of made) backend.disposeData(dataId);
    return Array.isArray(outputs) ? values : values[0]!;
  });
}

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
export const delegatedKernels: readonly KernelRow[] = names(delegated).map(delegate);

/** Kernels that throw `unsupported-kernel`. */
export const refusedKernels: readonly KernelRow[] = names(refused).map(refuse);
