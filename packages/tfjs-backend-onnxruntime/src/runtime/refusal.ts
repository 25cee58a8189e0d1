// What ONNX Runtime says when it refuses or fails, as this package's error: which tfjs kernel it was, and what can be done. Its
// errors are texts, so what kind of failure it was has to be read out of them.

import { OnnxRuntimeBackendError, type OnnxRuntimeBackendErrorCode } from '../errors.ts';
import type { CompiledModel } from '../lowering/compile.ts';

/** When it happened. */
type Moment = Extract<OnnxRuntimeBackendErrorCode, 'compilation-failed' | 'run-failed'>;

export interface Failure {
  readonly moment: Moment;
  readonly provider: string;
  /** What ONNX Runtime threw. */
  readonly cause: unknown;
  readonly callSites: CompiledModel['callSites'];
}

// Also CUDA's failure 2, and what a WebGPU device says of a buffer.
const outOfMemory = /bad_alloc|failed to allocate|out of memory|allocation failed|\bCUDA failure 2:/i;

// Dawn's words, Direct3D's and Vulkan's, and the failures of CUDA after which a process gets nothing from the device any more.
const lostDevice =
  /\bdevice\b[^\n]{0,80} (is|was) lost|device lost|device_lost|DXGI_ERROR_DEVICE_(REMOVED|HUNG|RESET)|CUDA failure (46|100|214|700|702|715|717|719|999):/i;

/**
 * Operators are named after the tfjs kernel that they come from, so ONNX Runtime's message tells which one it was; the number of
 * the value that it gives tells where in the program that kernel was called, if call sites were kept.
 */
export function refusal({ moment, provider, cause, callSites }: Failure): OnnxRuntimeBackendError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const found = /\b(\w+)\/\w+\/v(\d+)/.exec(message);
  const op = found?.[1];
  const callSite = callSites?.findLast(({ firstValue }) => firstValue <= Number(found?.[2]))?.site;
  const details = { op, callSite, cause };
  const what =
    moment === 'compilation-failed'
      ? 'ONNX Runtime refused the graph'
      : `ONNX Runtime failed while running the graph on ${provider}`;
  const where = `${what}${op ? ` at the tfjs kernel ${op}` : ''}${callSite ? ` called ${callSite}` : ''}`;
  if (provider !== 'cpu' && lostDevice.test(message)) {
    return new OnnxRuntimeBackendError(
      'device-lost',
      `${where}: the device is lost (${message}). Nothing that is on it can be read, and nothing more computed on it in this process: ` +
        'start the program again, from its last checkpoint.',
      details,
    );
  }
  if (outOfMemory.test(message)) {
    return new OnnxRuntimeBackendError(
      'out-of-memory',
      `${where}: there is not enough memory for it (${message}). Use smaller batches, arena: false, or fewer cached graphs. ` +
        'Variables that the failed step was to update have no numbers: assign them again, from the last checkpoint.',
      details,
    );
  }
  const hints = [
    op && callSites === undefined
      ? ' Run with TFJS_ONNXRUNTIME_CALL_SITES=1 (or configure({callSites: true})) to see the line that called it.'
      : '',
    // Texts of drivers are many.
    provider === 'cpu' || moment === 'compilation-failed'
      ? ''
      : ' If every later run fails too, the device is lost: start the program again, from its last checkpoint.',
  ];
  return new OnnxRuntimeBackendError(moment, `${where}: ${message}${hints.join('')}`, details);
}
