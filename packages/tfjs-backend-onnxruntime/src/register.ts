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

/** Not so where another copy of this package was: the kernels of one do not go with the backend of the other. */
const isFirst = registerBackend(
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
for (const row of isFirst ? kernelTable : []) {
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
  if (!isFirst) {
    throw new OnnxRuntimeBackendError(
      'runtime-unavailable',
      `tfjs has its backend '${backendName}' from another copy of tfjs-backend-onnxruntime, which was imported before this one: one ` +
        'process can have one. See `npm ls tfjs-backend-onnxruntime` for where they come from.',
    );
  }
  throw new OnnxRuntimeBackendError(
    'runtime-unavailable',
    `tfjs has no working backend '${backendName}': ${failure ?? 'it was removed'}. Import this package again in a new process.`,
    { cause: failure },
  );
}
