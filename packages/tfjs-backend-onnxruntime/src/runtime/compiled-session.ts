// A compiled graph ready to run: ONNX Runtime's session, the names of its inputs and outputs, and the signature it
// was compiled from.

import { OnnxRuntimeBackendError } from '../errors.ts';
import type { CompiledModel } from '../lowering/compile.ts';
import type { OnnxRuntimeBackendOptions } from '../options.ts';
import { loadRuntime, type NativeSession, type NativeTensor } from './native-binding.ts';
import { chooseProvider } from './provider.ts';

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
  readonly #provider: string;
  readonly #callSites: CompiledModel['callSites'];
  #runs = 0;

  /** Throws `compilation-failed`, naming the tfjs kernel that ONNX Runtime did not take. */
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
      throw refusal('compilation-failed', 'ONNX Runtime refused the graph', cause, model.callSites);
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
      const advice =
        this.#provider === 'cpu'
          ? ''
          : ' (on a device that is lost every later run fails too: start the process again, from its last checkpoint)';
      const what = `ONNX Runtime failed while running the graph on ${this.#provider}${advice}`;
      throw refusal('run-failed', what, cause, this.#callSites);
    }
  }

  dispose(): void {
    if (this.#profiled) this.#session.endProfiling();
    this.#session.dispose();
  }
}

/**
 * Nodes are named after the tfjs kernel they come from, so ONNX Runtime's message tells which one it was; the number of
 * the value that it gives tells where in the program that kernel was called, if call sites were kept.
 */
function refusal(
  code: 'compilation-failed' | 'run-failed',
  what: string,
  cause: unknown,
  callSites: CompiledModel['callSites'],
): OnnxRuntimeBackendError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const found = /\b(\w+)\/\w+\/v(\d+)/.exec(message);
  const op = found?.[1];
  const callSite = callSites?.findLast(({ firstValue }) => firstValue <= Number(found?.[2]))?.site;
  const where = `${op ? ` at the tfjs kernel ${op}` : ''}${callSite ? ` called ${callSite}` : ''}`;
  if (/bad_alloc|failed to allocate|out of memory|allocation failed/i.test(message)) {
    return new OnnxRuntimeBackendError(
      'out-of-memory',
      `${what}${where}: there is not enough memory for it (${message}). Use smaller batches, arena: false, or fewer cached graphs.`,
      { op, callSite, cause },
    );
  }
  const hint =
    op && callSites === undefined
      ? ' Run with TFJS_ONNXRUNTIME_CALL_SITES=1 (or configure({callSites: true})) to see the line that called it.'
      : '';
  return new OnnxRuntimeBackendError(code, `${what}${where}: ${message}${hint}`, { op, callSite, cause });
}
