// The native half of onnxruntime-node, typed. Its public API is asynchronous only because of a `setImmediate` around
// the same synchronous call; `dataSync()` needs the call itself, so the binding is taken from where the
// package keeps it. The version of onnxruntime-node is pinned for this reason (and for the blocked layout).

import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { OnnxRuntimeBackendError } from '../errors.ts';

/** The numbers of a tensor as JavaScript holds them; bool as bytes. */
export type HostValues = Float32Array | Int32Array | Uint8Array;

/** A tensor as the binding takes and gives it, in CPU memory. */
export interface NativeTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: HostValues;
}

export interface NativeSessionOptions {
  readonly executionProviders: readonly string[];
  readonly intraOpNumThreads: number;
  readonly interOpNumThreads: number;
  readonly graphOptimizationLevel: 'disabled' | 'basic' | 'extended' | 'layout' | 'all';
  readonly executionMode: 'sequential' | 'parallel';
  readonly enableMemPattern: boolean;
  readonly enableCpuMemArena: boolean;
  readonly enableProfiling?: boolean;
  readonly profileFilePrefix?: string;
  /** Where to write the graph as it is after optimisation. */
  readonly optimizedModelFilePath?: string;
  readonly logSeverityLevel: 0 | 1 | 2 | 3 | 4;
  readonly extra?: Readonly<Record<string, unknown>>;
}

export interface NativeSession {
  loadModel(
    buffer: ArrayBufferLike,
    byteOffset: number,
    byteLength: number,
    options: NativeSessionOptions,
  ): void;
  run(
    feeds: Readonly<Record<string, NativeTensor>>,
    fetches: Readonly<Record<string, NativeTensor | null>>,
    options: Readonly<Record<string, unknown>>,
  ): Record<string, NativeTensor>;
  endProfiling(): void;
  dispose(): void;
}

export interface NativeBinding {
  InferenceSession: new () => NativeSession;
  listSupportedBackends(): readonly { name: string; bundled: boolean }[];
}

type TensorConstructor = new (type: string, data: HostValues, dims: readonly number[]) => NativeTensor;

interface LoadedRuntime {
  binding: NativeBinding;
  Tensor: TensorConstructor;
}

let loaded: LoadedRuntime | null = null;

// Since 1.29 ONNX Runtime reports to its makers over the network and keeps an identifier of the device, unless told not
// to before it starts. What is computed here is nobody else's business; ORT_DISABLE_TELEMETRY=0 restores its default. Set on import, so
// that threads that are started later find it in the environment: what a thread sets in its own copy native code does not see.
const telemetry = process.env.ORT_DISABLE_TELEMETRY;
process.env.ORT_DISABLE_TELEMETRY ??= '1';

/** Loads onnxruntime-node on first use. Throws `runtime-unavailable` where there is no binary for the platform. */
export function loadRuntime(): LoadedRuntime {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  if (telemetry === undefined && !isMainThread) tellOfTelemetry();
  try {
    const { binding, initOrt } = require('onnxruntime-node/dist/binding.js') as {
      binding: NativeBinding;
      initOrt: () => void;
    };
    initOrt();
    // The same (CommonJS) copy of onnxruntime-common that the binding was initialised with.
    const { Tensor } = require('onnxruntime-common') as { Tensor: TensorConstructor };
    loaded = { binding, Tensor };
    return loaded;
  } catch (cause) {
    throw new OnnxRuntimeBackendError(
      'runtime-unavailable',
      `onnxruntime-node could not be loaded on ${process.platform}-${process.arch} (${
        cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
      }). Check that the package onnxruntime-node is installed and has a binary for this platform.`,
      { cause },
    );
  }
}

function tellOfTelemetry(): void {
  process.emitWarning(
    'tfjs-backend-onnxruntime cannot turn off the telemetry of ONNX Runtime from within a thread. Import it in the main thread before ' +
      'threads are started, or start the program with ORT_DISABLE_TELEMETRY=1 (or 0, to have it) in the environment.',
  );
}

/** The version of onnxruntime-node. */
export function runtimeVersion(): string {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  return version;
}
