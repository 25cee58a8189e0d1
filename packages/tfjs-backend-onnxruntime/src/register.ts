// Makes the backend known to tfjs: its factory, and each kernel of the table.

import { engine, registerBackend, registerKernel } from '@tensorflow/tfjs-core';
import { OnnxRuntimeBackend } from './backend.ts';
import { OnnxRuntimeBackendError } from './errors.ts';
import { kernelTable } from './kernels/table.ts';

/** The name under which the backend is registered. */
export const backendName = 'onnxruntime';

/** Above tfjs's plain CPU backend (1), so that it is the default where both are imported. */
const priority = 3;

/** Why the backend could not be created; tfjs itself only logs it. */
let failure: unknown;

registerBackend(
  backendName,
  () => {
    try {
      return new OnnxRuntimeBackend();
    } catch (error) {
      failure = error;
      throw error;
    }
  },
  priority,
);
for (const row of kernelTable) {
  registerKernel({
    kernelName: row.kernel,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) =>
      (backend as OnnxRuntimeBackend).runKernel(row, inputs, attrs ?? {}),
  });
}

/** The registered backend, created if need be. Throws `runtime-unavailable`. */
export function backend(): OnnxRuntimeBackend {
  const found = engine().findBackend(backendName);
  if (found instanceof OnnxRuntimeBackend) return found;
  if (failure instanceof OnnxRuntimeBackendError) throw failure;
  throw new OnnxRuntimeBackendError(
    'runtime-unavailable',
    `tfjs has no working backend '${backendName}': ${failure ?? 'it was removed'}. Import this package again in a new process.`,
    { cause: failure },
  );
}
