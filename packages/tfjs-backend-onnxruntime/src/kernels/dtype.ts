// The dtypes that this backend has, and the refusal of those that ONNX Runtime could not compute with.

import type { DataType } from '@tensorflow/tfjs-core';
import { OnnxRuntimeBackendError } from '../errors.ts';
import type { DType } from '../trace/trace-graph.ts';

/** Narrows a tfjs dtype; throws `unsupported-dtype` for complex64 and string. */
export function asDType(dtype: DataType, where: string): DType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new OnnxRuntimeBackendError(
    'unsupported-dtype',
    `${where}: dtype ${dtype} is not supported by the onnxruntime backend (float32, int32 and bool are). ` +
      "Use tf.setBackend('cpu') for this tensor.",
    { op: where },
  );
}
