// A compiled graph ready to run: ONNX Runtime's session, the names of its inputs and outputs, and the signature it
// was compiled from.

import type { CompiledModel } from '../lowering/compile.ts';
import type { OnnxRuntimeBackendOptions } from '../options.ts';
import { loadRuntime, type NativeSession, type NativeTensor } from './native-binding.ts';
import { chooseProvider, type Provider } from './provider.ts';
import { refusal } from './refusal.ts';

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
  readonly #provider: Provider;
  readonly #callSites: CompiledModel['callSites'];
  #runs = 0;

  /** Throws `compilation-failed`, naming the tfjs kernel that ONNX Runtime did not take, or as `run` does. */
  constructor(
    model: CompiledModel,
    signature: Int32Array,
    estimatedBytes: number,
    options: OnnxRuntimeBackendOptions,
    /** Whether the model has been optimised before, or where to write it once it is. */
    optimised: { already: boolean; writeTo?: string | null } = { already: false },
  ) {
    this.signature = signature;
    this.estimatedBytes = estimatedBytes;
    this.modelBytes = model.bytes.byteLength;
    this.#inputs = model.inputs;
    this.#callSites = model.callSites;
    this.#outputs = model.outputs;
    this.#fetches = Object.fromEntries(model.outputs.map((name) => [name, null]));
    this.#profiled = options.profilePrefix !== null;
    const provider = chooseProvider(options.provider);
    this.#provider = provider;
    const { binding } = loadRuntime();
    this.#session = new binding.InferenceSession();
    try {
      this.#session.loadModel(model.bytes.buffer, model.bytes.byteOffset, model.bytes.byteLength, {
        executionProviders: [provider],
        intraOpNumThreads: options.threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: optimised.already ? 'disabled' : options.optimization,
        executionMode: 'sequential',
        // The pattern planner reserves the sum of what it saw once: a quarter more memory, and no faster.
        enableMemPattern: false,
        enableCpuMemArena: options.arena,
        // What it would log is what it throws.
        logSeverityLevel: 4,
        ...(options.profilePrefix === null
          ? {}
          : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
        ...(optimised.writeTo ? { optimizedModelFilePath: optimised.writeTo } : {}),
        extra: { session: { intra_op: { allow_spinning: options.spinning ? '1' : '0' } } },
      });
    } catch (cause) {
      throw refusal({ moment: 'compilation-failed', provider, cause, callSites: model.callSites });
    }
  }

  /**
   * Runs once; inputs in the order of the leaves, results in the order of the outputs. Throws `run-failed`, `out-of-memory` or
   * `device-lost`.
   */
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
      const callSites = this.#callSites;
      throw refusal({ moment: 'run-failed', provider: this.#provider, cause, callSites });
    }
  }

  dispose(): void {
    if (this.#profiled) this.#session.endProfiling();
    this.#session.dispose();
  }
}
