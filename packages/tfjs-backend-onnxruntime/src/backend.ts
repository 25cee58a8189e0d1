// The tfjs backend. It stores tensors as traced values, and computes nothing until numbers are read: then everything
// that is alive and pending is scheduled, compiled (or found compiled), run once, and becomes concrete. Variables
// that an optimiser updated in the same step are part of the same run.

import {
  DataStorage,
  type DataType,
  engine,
  KernelBackend,
  type TensorInfo,
  Variable,
} from '@tensorflow/tfjs-core';
import { OnnxRuntimeBackendError } from './errors.ts';
import { asDType } from './kernels/dtype.ts';
import type { KernelCall, KernelResult, KernelRow } from './kernels/kernel-row.ts';
import { type TensorStore, TracedCall } from './kernels/traced-call.ts';
import { checkOptions, defaultOptions, type OnnxRuntimeBackendOptions } from './options.ts';
import { CompiledGraphs } from './runtime/compiled-graphs.ts';
import type { HostValues, NativeTensor } from './runtime/native-binding.ts';
import { checkHalfPrecision, chooseProvider } from './runtime/provider.ts';
import { callSiteOf } from './trace/call-site.ts';
import { makeLeaf } from './trace/leaf.ts';
import { RecompilationWatch } from './trace/recompilation-watch.ts';
import { makeSchedule } from './trace/schedule.ts';
import { SteepPrelus } from './trace/steep-prelus.ts';
import { sameShape, setCallSite, sizeOf, TraceValue } from './trace/trace-graph.ts';
import { UnreadWork } from './trace/unread-work.ts';

/** What the backend has done and holds. Times in milliseconds, summed since the start. */
export interface OnnxRuntimeStatistics {
  readonly runs: number;
  readonly compilations: number;
  /** Graphs that an earlier process had compiled. */
  readonly diskHits: number;
  /** Graphs that were split to compute what follows from parameters alone once. */
  readonly hoisted: number;
  readonly scheduleMs: number;
  readonly compileMs: number;
  readonly runMs: number;
  /** Compiled graphs held, the bytes of activations that they need by estimate, and nodes of the last one run. */
  readonly sessions: number;
  readonly sessionBytes: number;
  readonly lastRunNodes: number;
  /** Tensors with numbers, and tensors still to be computed. */
  readonly concreteTensors: number;
  readonly pendingTensors: number;
}

/**
 * A tensor, and at the same time its data id: weak maps from ids to tensors would cost more than anything else in
 * tracing. Ids that another backend made are looked up in one all the same.
 */
class StoredTensor {
  /** The backend that the tensor is on; null once it was disposed or moved away. */
  owner: OnnxRuntimeBackend | null;
  /** Null with the owner, so that a disposed tensor that somebody still refers to holds no numbers. */
  content: TraceValue | null;
  references: number;

  constructor(owner: OnnxRuntimeBackend, content: TraceValue, references: number) {
    this.owner = owner;
    this.content = content;
    this.references = references;
  }

  get value(): TraceValue {
    return this.content!;
  }
}

const warn = (message: string) => console.warn(message);

export class OnnxRuntimeBackend extends KernelBackend implements TensorStore {
  #options = defaultOptions();
  #graphs: CompiledGraphs;
  /** By ids of other backends. */
  readonly #foreign: DataStorage<StoredTensor>;
  #ownIds = 0;
  readonly #pending = new Set<StoredTensor>();
  readonly #unread = new UnreadWork();
  /** What stands for the input while a capture is traced: nothing may be computed then. */
  #capturing: TraceValue | null = null;
  #watch = new RecompilationWatch(warn);
  #prelus = new SteepPrelus();
  #concrete = 0;
  #runs = 0;
  /** Of graphs under options that hold no longer. */
  #before = { compilations: 0, diskHits: 0, hoisted: 0 };
  #scheduleMs = 0;
  #compileMs = 0;
  #runMs = 0;
  #lastRunNodes = 0;

  constructor() {
    super();
    this.#foreign = new DataStorage(this, engine());
    checkProviderFor(this.#options);
    this.#graphs = new CompiledGraphs(this.#options);
  }

  get options(): OnnxRuntimeBackendOptions {
    return this.#options;
  }

  /** Changes options; graphs compiled under others are dropped. Throws `invalid-option`. */
  configure(options: Partial<OnnxRuntimeBackendOptions>): void {
    const before = this.#options;
    const checked = checkOptions({ ...before, ...options });
    checkProviderFor(checked);
    this.#options = checked;
    setCallSite(null);
    const names = Object.keys(checked) as (keyof OnnxRuntimeBackendOptions)[];
    if (names.some((name) => checked[name] !== before[name])) {
      const { compilations, diskHits, hoisted } = this.statistics();
      this.#before = { compilations, diskHits, hoisted };
      this.#graphs.clear();
      this.#graphs = new CompiledGraphs(checked);
    }
    this.#watch = new RecompilationWatch(warn);
    this.#prelus = new SteepPrelus();
  }

  statistics(): OnnxRuntimeStatistics {
    const { compilations, diskHits, hoisted, held } = this.#graphs;
    return {
      runs: this.#runs,
      compilations: this.#before.compilations + compilations,
      diskHits: this.#before.diskHits + diskHits,
      hoisted: this.#before.hoisted + hoisted,
      scheduleMs: this.#scheduleMs,
      compileMs: this.#compileMs,
      runMs: this.#runMs,
      sessions: held.sessions,
      sessionBytes: held.bytes,
      lastRunNodes: this.#lastRunNodes,
      concreteTensors: this.#concrete,
      pendingTensors: this.#pending.size,
    };
  }

  // --- tracing -------------------------------------------------------------------------------------------------

  /** Calls a kernel: adds nodes, computes nothing. */
  runKernel(row: KernelRow, tensors: KernelCall['tensors'], attributes: KernelCall['attributes']) {
    const { pendingNodes, callSites } = this.#options;
    if (this.#unread.isDueAtKernel(pendingNodes)) this.#flushUnread();
    if (callSites) setCallSite(callSiteOf(row.kernel));
    return this.#results(row.run(new TracedCall(this, tensors, attributes)));
  }

  #results(result: KernelResult): TensorInfo | TensorInfo[] {
    if (result instanceof TraceValue) return this.#store(result);
    if ('aliasOf' in result) {
      const { dataId, dtype } = result.aliasOf;
      this.incRef(dataId);
      return { dataId, shape: [...result.shape], dtype };
    }
    return result.map((value) => this.#store(value));
  }

  #store(value: TraceValue): TensorInfo {
    const dataId = new StoredTensor(this, value, 1);
    this.#ownIds++;
    if (value.producer) {
      this.#pending.add(dataId);
    } else {
      this.#concrete++;
      this.#count(value);
    }
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  stored(tensor: TensorInfo): TraceValue {
    const { value } = this.#get(tensor.dataId);
    if (tensor instanceof Variable) value.isParameter = true;
    return value;
  }

  areConvex(slopes: TraceValue): boolean {
    return this.#prelus.areConvex(slopes);
  }

  beforeBatch(bytes: number): void {
    if (this.#unread.isDueAtBatch(bytes, this.#pending.size, this.#options.pendingNodes)) this.#flushUnread();
    this.#unread.batchCame(bytes);
  }

  // --- running -------------------------------------------------------------------------------------------------

  /** Computes everything that is alive and pending. */
  flush(): void {
    if (this.#capturing !== null) throw readWhileCapturing();
    // Before it is tried: what cannot be computed is not tried again at every kernel.
    this.#unread.reset();
    if (this.#pending.size > 0) this.#compute(this.#pendingValues());
  }

  #flushUnread(): void {
    if (this.#capturing === null) this.flush();
  }

  #compute(targets: Iterable<TraceValue>): void {
    this.#prelus.nextRun();
    const { outputs, results } = this.#run(targets);
    for (const [i, value] of outputs.entries()) {
      value.tensor = results[i]!;
      value.producer = null;
    }
    for (const stored of this.#pending) {
      if (stored.value.producer !== null) continue;
      this.#pending.delete(stored);
      this.#concrete++;
    }
  }

  /** Computes pending values, which stay as they are. */
  #run(targets: Iterable<TraceValue>): { outputs: readonly TraceValue[]; results: readonly NativeTensor[] } {
    const start = performance.now();
    const schedule = makeSchedule(targets);
    let session = this.#graphs.find(schedule);
    const scheduled = performance.now();
    this.#scheduleMs += scheduled - start;
    this.#watch.record(schedule, session === undefined);
    session ??= this.#graphs.compile(schedule);
    const leaves = schedule.leaves.map(({ tensor }) => tensor!);
    session = this.#graphs.hoistedOnceSteady(session, schedule, leaves);
    const compiled = performance.now();
    this.#compileMs += compiled - scheduled;
    const results = session.run(leaves);
    for (const [i, value] of schedule.outputs.entries()) checkShape(value, results[i]!);
    this.#runMs += performance.now() - compiled;
    this.#runs++;
    this.#lastRunNodes = schedule.nodes.length;
    return { outputs: schedule.outputs, results };
  }

  /**
   * Traces `f` while nothing is computed. Gives what stands for its input and its result; null where the result is not one tensor
   * that follows from the input. Throws `not-capturable` where `f` reads numbers.
   */
  traceAlone(input: TensorInfo, f: () => TensorInfo): { input: TraceValue; output: TraceValue } | null {
    this.flush();
    const leaf = this.stored(input);
    this.#capturing = leaf;
    this.#prelus.nextRun();
    try {
      const result = f();
      const output = this.#find(result?.dataId)?.content;
      if (!output?.producer) return null;
      return makeSchedule([output]).leaves.includes(leaf) ? { input: leaf, output } : null;
    } finally {
      this.#capturing = null;
      this.#prelus.nextRun();
    }
  }

  /** Computes a value that was traced alone, from what its leaves hold now. */
  computeAgain(output: TraceValue): HostValues {
    return this.#run([output]).results[0]!.data;
  }

  /** The ONNX model that `flush` would run now, or null when nothing is pending. */
  pendingModel(): Uint8Array | null {
    return this.#pending.size === 0 ? null : this.#graphs.modelOf(makeSchedule(this.#pendingValues()));
  }

  *#pendingValues(): Generator<TraceValue> {
    for (const { value } of this.#pending) yield value;
  }

  // --- storage, as tfjs asks for it ----------------------------------------------------------------------------

  override write(values: unknown, shape: number[], dtype: DataType): object {
    const value = leafOf(values, shape, dtype);
    this.beforeBatch(value.tensor!.data.byteLength);
    this.#count(value);
    this.#ownIds++;
    this.#concrete++;
    return new StoredTensor(this, value, 1);
  }

  /** Counts the bytes of numbers that have come in, and computes what is pending where they are many. */
  #count({ tensor }: TraceValue): void {
    if (this.#unread.isDueAtWrite(tensor!.data.byteLength, this.#options.pendingBytes)) this.#flushUnread();
  }

  override move(dataId: object, values: unknown, shape: number[], dtype: DataType, references: number): void {
    this.#foreign.set(dataId, new StoredTensor(this, leafOf(values, shape, dtype), references));
    this.#concrete++;
  }

  override readSync(dataId: object): HostValues {
    const { value } = this.#get(dataId);
    if (value === this.#capturing) throw readWhileCapturing();
    if (value.tensor !== null) return value.tensor.data;
    try {
      this.flush();
    } catch (error) {
      // Some other tensor that is alive may be the one that cannot be computed; it must not take this one with it.
      if (this.#capturing !== null || this.#pending.size === 1) throw error;
      this.#compute([value]);
    }
    return value.tensor!.data;
  }

  override async read(dataId: object): Promise<HostValues> {
    return this.readSync(dataId);
  }

  override disposeData(dataId: object, force = false): boolean {
    const stored = this.#find(dataId);
    if (!stored) return true;
    stored.references--;
    if (!force && stored.references > 0) return false;
    if (!this.#pending.delete(stored)) this.#concrete--;
    if (stored === dataId) this.#ownIds--;
    else this.#foreign.delete(dataId);
    stored.owner = null;
    stored.content = null;
    return true;
  }

  disposeIntermediateTensorInfo({ dataId }: TensorInfo): void {
    this.disposeData(dataId);
  }

  override refCount(dataId: object): number {
    return this.#find(dataId)?.references ?? 0;
  }

  override incRef(dataId: object): void {
    this.#get(dataId).references++;
  }

  override numDataIds(): number {
    return this.#ownIds + this.#foreign.numDataIds();
  }

  override memory() {
    return {
      unreliable: true,
      reasons: [
        'Bytes count tensors that exist for JavaScript; what ONNX Runtime holds for its graphs is not in it.',
      ],
    };
  }

  override timerAvailable(): boolean {
    return true;
  }

  /**
   * Runs `f` and what it traced; `kernelMs` is the time inside ONNX Runtime. What `f` throws is thrown at once: tfjs's profiler takes
   * the results of a kernel before it waits for its time, and a promise that fails meanwhile would end the process.
   */
  override time(f: () => void): Promise<{ kernelMs: number; getExtraProfileInfo: () => string }> {
    this.flush();
    const before = this.statistics();
    f();
    this.flush();
    const after = this.statistics();
    return Promise.resolve({
      kernelMs: after.runMs - before.runMs,
      getExtraProfileInfo: () =>
        `${after.lastRunNodes} kernels, ${after.compilations - before.compilations} compilations`,
    });
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  /** Frees what is native. Tensors that are still held can be read, and moved to another backend. */
  override dispose(): void {
    this.#graphs.clear();
  }

  /** The tensor, if it is here. */
  #find(dataId: object): StoredTensor | undefined {
    if (dataId instanceof StoredTensor && dataId.owner === this) return dataId;
    return this.#foreign.has(dataId) ? this.#foreign.get(dataId) : undefined;
  }

  /** The tensor, which tfjs moves here first if it is on another backend. */
  #get(dataId: object): StoredTensor {
    if (dataId instanceof StoredTensor && dataId.owner === this) return dataId;
    if (!this.#foreign.has(dataId)) checkCanMove(dataId, this);
    const stored = this.#foreign.get(dataId);
    if (stored) return stored;
    throw unknownTensor();
  }
}

/**
 * tfjs takes a tensor from the backend that it is on before it asks the next one whether it wants it: what cannot be had here has
 * to be refused first, or its numbers would be lost.
 */
function checkCanMove(dataId: object, to: OnnxRuntimeBackend): void {
  // tfjs itself knows no tensor that was disposed, and would say so in its own variables' names. One of which it believes that it is
  // here was a variable's, which was disposed of to have its own value assigned: asked to move, it would be moved for ever.
  const info = engine().state.tensorInfo.get(dataId);
  if (info === undefined || info.backend === to) throw unknownTensor();
  asDType(info.dtype, 'move from another backend');
}

function readWhileCapturing(): OnnxRuntimeBackendError {
  return new OnnxRuntimeBackendError(
    'not-capturable',
    'Numbers were read while an inference was captured. They would be those of one input, and what follows from them right for no other: ' +
      'read them before, or call the function without capturing it.',
  );
}

function unknownTensor(): OnnxRuntimeBackendError {
  return new OnnxRuntimeBackendError(
    'unknown-tensor',
    'The tensor has no data on the onnxruntime backend: it was disposed (as a variable is when it is assigned to itself), or belongs to a backend that was removed.',
  );
}

/** A lowering that gives another shape than its kernel's rule would have its numbers read in the wrong places. */
function checkShape({ shape, producer }: TraceValue, { dims }: NativeTensor): void {
  if (sameShape(shape, dims)) return;
  const op = producer?.op.name;
  throw new OnnxRuntimeBackendError(
    'run-failed',
    `${op} gave the shape [${dims}], expected [${shape}]. This is a fault of the backend: please report it, with the graph that dumpGraph writes.`,
    { op, callSite: producer?.callSite ?? undefined },
  );
}

/** Throws `provider-unavailable` where the provider, or what is wanted of it, does not work on this machine. */
function checkProviderFor({ provider, precision }: OnnxRuntimeBackendOptions): void {
  const chosen = chooseProvider(provider);
  if (precision === 'float16') checkHalfPrecision(chosen);
}

function leafOf(values: unknown, shape: readonly number[], dtype: DataType): TraceValue {
  const known = asDType(dtype, 'write');
  const given = (values ?? new Float32Array(sizeOf(shape))) as ArrayLike<number>;
  return makeLeaf(given, [...shape], known);
}
