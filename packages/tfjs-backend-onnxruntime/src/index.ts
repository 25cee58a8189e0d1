// tfjs-backend-onnxruntime: importing it registers the backend `onnxruntime` and the gradients of tfjs-core.

import './gradients.ts';
import type { OnnxRuntimeStatistics } from './backend.ts';
import type { OnnxRuntimeBackendOptions } from './options.ts';
import { backend } from './register.ts';
import { dumpModel } from './runtime/model-dump.ts';

export type { OnnxRuntimeStatistics } from './backend.ts';
export { OnnxRuntimeBackendError, type OnnxRuntimeBackendErrorCode } from './errors.ts';
export { type OperatorTime, profileOperators } from './operator-profile.ts';
export type { OnnxRuntimeBackendOptions } from './options.ts';
export { checkProvider, type Provider, type ProviderReport } from './runtime/provider.ts';

/** Changes how the backend runs; what is left out stays. If anything changes, compiled graphs are dropped. Throws `invalid-option`. */
export function configure(options: Partial<OnnxRuntimeBackendOptions>): void {
  backend().configure(options);
}

/** Computes everything that was traced and is still held, now. Reading a tensor does the same. */
export function flush(): void {
  backend().flush();
}

/** What the backend has done (runs, compilations, times in ms) and what it holds. */
export function statistics(): OnnxRuntimeStatistics {
  return backend().statistics();
}

/**
 * Writes the ONNX model that reading a tensor would run now, for a viewer such as Netron, and returns its path; null
 * when nothing is pending. Nothing is run. Throws `invalid-option` where it cannot be written.
 */
export function dumpGraph(directory: string, name = 'graph'): string | null {
  const model = backend().pendingModel();
  return model && dumpModel(directory, name, model);
}
