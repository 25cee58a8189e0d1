// tfjs-backend-onnxruntime: importing it registers the backend `onnxruntime` and the gradients of tfjs-core.

import './gradients.ts';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeStatistics } from './backend.ts';
import { type CapturedInference, captureOn } from './captured-inference.ts';
import type { OnnxRuntimeBackendOptions } from './options.ts';
import { backend } from './register.ts';
import { dumpModel } from './runtime/model-dump.ts';

export type { OnnxRuntimeStatistics } from './backend.ts';
export type { CapturedInference } from './captured-inference.ts';
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

/**
 * Traces `f` once, for a float32 input of this shape, and gives what runs the trace for other numbers: an inference in a loop, of which
 * tracing takes a part that shows where the network is small. The backend must be the one that tfjs computes on.
 *
 * Whatever else `f` reads, the values of variables too, is taken as it is now, and held until the capture is disposed of. `f` may not look at
 * numbers: what followed from them would be right for one input only.
 *
 * @throws {OnnxRuntimeBackendError} `not-capturable` where `f` reads numbers, or gives something that does not follow from its input
 */
export function capture(shape: readonly number[], f: (input: Tensor) => Tensor): CapturedInference {
  return captureOn(backend(), shape, f);
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
