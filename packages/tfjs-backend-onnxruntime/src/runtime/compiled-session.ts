// A compiled graph ready to run: ONNX Runtime's session, the names of its inputs and outputs, and the signature it
// was compiled from.

import { OnnxRuntimeBackendError } from '../errors.ts';
import type { CompiledModel } from '../lowering/compile.ts';
import type { OnnxRuntimeBackendOptions } from '../options.ts';
import { loadRuntime, type NativeSession, type NativeTensor } from './native-binding.ts';

export class CompiledSession {
  readonly signature: Int32Array;
  /** What its activations need at once, by estimate. */
  readonly estimatedBytes: number;
  readonly modelBytes: number;
  readonly #session: NativeSession;
  readonly #inputs: readonly string[];
  readonly #outputs: readonly string[];
  readonly #fetches: Readonly<Record<string, null>>;
  readonly #profiled: boolean;
  #runs = 0;

  /** Throws `compilation-failed`, naming the tfjs kernel that ONNX Runtime did not take. */
  constructor(
    model: CompiledModel,
    signature: Int32Array,
    estimatedBytes: number,
    options: OnnxRuntimeBackendOptions,
  ) {
    this.signature = signature;
    this.estimatedBytes = estimatedBytes;
    this.modelBytes = model.bytes.byteLength;
    this.#inputs = model.inputs;
    this.#outputs = model.outputs;
    this.#fetches = Object.fromEntries(model.outputs.map((name) => [name, null]));
    this.#profiled = options.profilePrefix !== null;
    const { binding } = loadRuntime();
    this.#session = new binding.InferenceSession();
    try {
      this.#session.loadModel(model.bytes.buffer, model.bytes.byteOffset, model.bytes.byteLength, {
        executionProviders: [options.provider],
        intraOpNumThreads: options.threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: options.optimization,
        executionMode: 'sequential',
        // The pattern planner reserves the sum of what it saw once: a quarter more memory, and no faster.
        enableMemPattern: false,
        enableCpuMemArena: options.arena,
        logSeverityLevel: 3,
        ...(options.profilePrefix === null
          ? {}
          : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
        extra: { session: { intra_op: { allow_spinning: options.spinning ? '1' : '0' } } },
      });
    } catch (cause) {
      throw refusal('compilation-failed', 'ONNX Runtime refused the graph', cause);
    }
  }

  /** Runs once; inputs in the order of the leaves, results in the order of the outputs. Throws `run-failed`. */
  run(leaves: readonly NativeTensor[]): NativeTensor[] {
    const feeds: Record<string, NativeTensor> = {};
    for (let i = 0; i < leaves.length; i++) feeds[this.#inputs[i]!] = leaves[i]!;
    // The first run takes what it needs while it still learns sizes; give the surplus back once.
    const shrink = this.#runs === 0 ? { extra: { memory: { enable_memory_arena_shrinkage: 'cpu:0' } } } : {};
    try {
      const results = this.#session.run(feeds, this.#fetches, shrink);
      this.#runs++;
      return this.#outputs.map((name) => results[name]!);
    } catch (cause) {
      throw refusal('run-failed', 'ONNX Runtime failed while running the graph', cause);
    }
  }

  dispose(): void {
    if (this.#profiled) this.#session.endProfiling();
    this.#session.dispose();
  }
}

/** Nodes are named after the tfjs kernel they come from, so ONNX Runtime's message tells which one it was. */
function refusal(
  code: 'compilation-failed' | 'run-failed',
  what: string,
  cause: unknown,
): OnnxRuntimeBackendError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const op = /\b(\w+)\/\w+\/v\d+/.exec(message)?.[1];
  return new OnnxRuntimeBackendError(code, `${what}${op ? ` at the tfjs kernel ${op}` : ''}: ${message}`, {
    op,
    cause,
  });
}
