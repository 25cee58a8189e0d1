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
import { reshapeOp } from './kernels/shape.ts';
import { type CompiledModel, compileSchedule } from './lowering/compile.ts';
import type { LoweringOptions } from './lowering/lowering.ts';
import { checkOptions, defaultOptions, type OnnxRuntimeBackendOptions } from './options.ts';
import { nchwcBlockSize } from './runtime/block-size.ts';
import { CompiledSession } from './runtime/compiled-session.ts';
import { DiskCache } from './runtime/disk-cache.ts';
import { HoistedSession } from './runtime/hoisted-session.ts';
import { dumpModel } from './runtime/model-dump.ts';
import { loadRuntime, type NativeTensor } from './runtime/native-binding.ts';
import { checkHalfPrecision, chooseProvider } from './runtime/provider.ts';
import { type GraphSession, SessionCache } from './runtime/session-cache.ts';
import { callSiteOf } from './trace/call-site.ts';
import { estimatePeakBytes } from './trace/peak-memory.ts';
import { RecompilationWatch } from './trace/recompilation-watch.ts';
import { makeSchedule, type Schedule } from './trace/schedule.ts';
import { hasBackwardPass, parametersOf, SteadyParameters } from './trace/steady-parameters.ts';
import { SteepPrelus } from './trace/steep-prelus.ts';
import {
  type DType,
  type Shape,
  sameShape,
  setCallSite,
  sizeOf,
  TraceValue,
  trace,
  tracedNodes,
} from './trace/trace-graph.ts';

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

/**
 * Runs in a row with the same parameters after which a graph's work on them is hoisted out of it. To compile its parts costs as much as
 * ten to twenty runs of one image gain.
 */
const runsToHoist = 8;

/** A trace of fewer kernels is not looked for on disk; see DiskCache. */
const tracedNodesWorthKeeping = 50;

type HostValues = Float32Array | Int32Array | Uint8Array;

export class OnnxRuntimeBackend extends KernelBackend {
  #options = defaultOptions();
  #cache: SessionCache;
  #disk: DiskCache | null;
  #diskHits = 0;
  /** By ids of other backends. */
  readonly #foreign: DataStorage<StoredTensor>;
  #ownIds = 0;
  readonly #pending = new Set<StoredTensor>();
  #watch = new RecompilationWatch((message) => console.warn(message));
  #prelus = new SteepPrelus();
  /** Of each graph that may be hoisted; null where it turned out that it cannot be. */
  #steady = new WeakMap<CompiledSession, SteadyParameters | null>();
  #concrete = 0;
  #runs = 0;
  #compilations = 0;
  #hoisted = 0;
  #scheduleMs = 0;
  #compileMs = 0;
  #runMs = 0;
  #lastRunNodes = 0;
  #nodesAtFlush = tracedNodes();

  constructor() {
    super();
    this.#foreign = new DataStorage(this, engine());
    checkProviderFor(this.#options);
    this.#cache = this.#makeCache();
    this.#disk = this.#makeDisk();
  }

  get options(): OnnxRuntimeBackendOptions {
    return this.#options;
  }

  /** Changes options; graphs compiled under the old ones are dropped. Throws `invalid-option`. */
  configure(options: Partial<OnnxRuntimeBackendOptions>): void {
    const checked = checkOptions({ ...this.#options, ...options });
    checkProviderFor(checked);
    this.#options = checked;
    setCallSite(null);
    this.#cache.clear();
    this.#cache = this.#makeCache();
    this.#disk = this.#makeDisk();
    this.#watch = new RecompilationWatch((message) => console.warn(message));
    this.#prelus = new SteepPrelus();
  }

  statistics(): OnnxRuntimeStatistics {
    return {
      runs: this.#runs,
      compilations: this.#compilations,
      diskHits: this.#diskHits,
      hoisted: this.#hoisted,
      scheduleMs: this.#scheduleMs,
      compileMs: this.#compileMs,
      runMs: this.#runMs,
      sessions: this.#cache.size,
      sessionBytes: this.#cache.bytes,
      lastRunNodes: this.#lastRunNodes,
      concreteTensors: this.#concrete,
      pendingTensors: this.#pending.size,
    };
  }

  // --- tracing -------------------------------------------------------------------------------------------------

  /** Calls a kernel: adds nodes, computes nothing. */
  runKernel(row: KernelRow, tensors: KernelCall['tensors'], attributes: KernelCall['attributes']) {
    // A program that never reads would trace for ever.
    if (tracedNodes() - this.#nodesAtFlush > this.#options.pendingNodes) this.flush();
    if (this.#options.callSites) setCallSite(callSiteOf(row.kernel));
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
    if (value.producer) this.#pending.add(dataId);
    else this.#concrete++;
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  /** The traced value of a tensor, in the tensor's own shape. */
  traced(tensor: TensorInfo): TraceValue {
    const { value } = this.#get(tensor.dataId);
    if (tensor instanceof Variable) value.isParameter = true;
    return reshaped(value, tensor.shape);
  }

  /** Whether the PReLU that is traced now may take the graph for slopes of 1 and less. */
  areConvex(slopes: TraceValue): boolean {
    return this.#prelus.areConvex(slopes);
  }

  // --- running -------------------------------------------------------------------------------------------------

  /** Computes everything that is alive and pending. */
  flush(): void {
    this.#nodesAtFlush = tracedNodes();
    if (this.#pending.size > 0) this.#compute(this.#pendingValues());
  }

  #compute(targets: Iterable<TraceValue>): void {
    const start = performance.now();
    this.#prelus.nextRun();
    const schedule = makeSchedule(targets);
    let session: GraphSession | undefined = this.#cache.find(schedule.hash, schedule.signature);
    const scheduled = performance.now();
    this.#scheduleMs += scheduled - start;
    this.#watch.record(schedule, session === undefined);
    session ??= this.#compile(schedule);
    const leaves = schedule.leaves.map(({ tensor }) => tensor!);
    if (session instanceof CompiledSession) session = this.#hoistedOnceSteady(session, schedule, leaves);
    const compiled = performance.now();
    this.#compileMs += compiled - scheduled;
    const results = session.run(leaves);
    for (const [i, value] of schedule.outputs.entries()) checkShape(value, results[i]!);
    for (const [i, value] of schedule.outputs.entries()) {
      value.tensor = results[i]!;
      value.producer = null;
    }
    this.#runMs += performance.now() - compiled;
    this.#runs++;
    this.#lastRunNodes = schedule.nodes.length;
    for (const stored of this.#pending) {
      if (stored.value.producer !== null) continue;
      this.#pending.delete(stored);
      this.#concrete++;
    }
  }

  /** The ONNX model that `flush` would run now, or null when nothing is pending. */
  pendingModel(): Uint8Array | null {
    if (this.#pending.size === 0) return null;
    return compileSchedule(makeSchedule(this.#pendingValues()), this.#loweringOptions()).bytes;
  }

  *#pendingValues(): Generator<TraceValue> {
    for (const { value } of this.#pending) yield value;
  }

  #compile(schedule: Schedule): CompiledSession {
    const estimate = estimatePeakBytes(schedule);
    const session = this.#loadKept(schedule, estimate) ?? this.#compileAnew(schedule, estimate);
    this.#cache.add(schedule.hash, session);
    return session;
  }

  #compileAnew(schedule: Schedule, estimate: number): CompiledSession {
    const model = compileSchedule(schedule, this.#loweringOptions());
    this.#dump(schedule, model);
    const disk = this.#disk;
    const writeTo = disk?.prepare(model) ?? null;
    const signature = schedule.signature.slice();
    const session = new CompiledSession(model, signature, estimate, this.#options, {
      already: false,
      writeTo,
    });
    if (disk && writeTo) disk.keep(this.#diskKey(disk, schedule), model, writeTo);
    this.#compilations++;
    return session;
  }

  /** The session, or one in two parts that takes its place from here on. */
  #hoistedOnceSteady(
    session: CompiledSession,
    schedule: Schedule,
    leaves: readonly NativeTensor[],
  ): GraphSession {
    if (!this.#options.hoisting) return session;
    const parameters = parametersOf(schedule);
    if (!this.#steady.has(session)) {
      const isInference = parameters.length > 0 && !hasBackwardPass(schedule);
      this.#steady.set(session, isInference ? new SteadyParameters() : null);
    }
    const steady = this.#steady.get(session)!;
    if (steady === null || steady.count(parameters.map((place) => leaves[place]!)) < runsToHoist)
      return session;
    this.#steady.set(session, null);
    try {
      const model = compileSchedule(schedule, this.#loweringOptions());
      const hoisted = HoistedSession.from(session, model, { leaves, parameters }, this.#options);
      if (hoisted === null) return session;
      this.#cache.add(schedule.hash, hoisted);
      this.#hoisted++;
      return hoisted;
    } catch {
      // Where there is no memory for two parts, the one that runs is as right.
      return session;
    }
  }

  /** The graph as an earlier process compiled it, or null. */
  #loadKept(schedule: Schedule, estimate: number): CompiledSession | null {
    const disk = this.#disk;
    if (!disk || schedule.nodes.length < tracedNodesWorthKeeping) return null;
    const key = this.#diskKey(disk, schedule);
    const model = disk.find(key);
    if (!model) return null;
    try {
      const signature = schedule.signature.slice();
      const session = new CompiledSession(model, signature, estimate, this.#options, { already: true });
      this.#dump(schedule, model);
      this.#diskHits++;
      return session;
    } catch {
      disk.discard(key);
      return null;
    }
  }

  #diskKey(disk: DiskCache, schedule: Schedule): string {
    const { provider, optimization } = this.#options;
    const { blockSize, heldBytes, precision } = this.#loweringOptions();
    return disk.key(schedule.signature, [provider, optimization, blockSize, heldBytes, precision]);
  }

  #dump(schedule: Schedule, model: CompiledModel): void {
    const { dumpDirectory } = this.#options;
    if (dumpDirectory !== null) dumpModel(dumpDirectory, schedule.hash, model.bytes);
  }

  #loweringOptions(): LoweringOptions {
    const { layout, provider, heldBytes, precision } = this.#options;
    const isOnCpu = chooseProvider(provider) === 'cpu';
    const isBlocked = layout === 'blocked' && precision === 'float32' && isOnCpu;
    return {
      blockSize: isBlocked ? nchwcBlockSize() : 0,
      heldBytes,
      precision: precision === 'float16' && isOnCpu ? 'emulated float16' : precision,
    };
  }

  /** Kept graphs know nothing of call sites, and are those of the CPU. */
  #makeDisk(): DiskCache | null {
    const { diskCache, diskCacheBytes, callSites } = this.#options;
    return diskCache === null || callSites
      ? null
      : new DiskCache({ directory: diskCache, bytes: diskCacheBytes });
  }

  #makeCache(): SessionCache {
    return new SessionCache({ entries: this.#options.cacheEntries, bytes: this.#options.cacheBytes });
  }

  // --- storage, as tfjs asks for it ----------------------------------------------------------------------------

  override write(values: unknown, shape: number[], dtype: DataType): object {
    this.#ownIds++;
    this.#concrete++;
    return new StoredTensor(this, leafOf(values, shape, dtype), 1);
  }

  override move(dataId: object, values: unknown, shape: number[], dtype: DataType, references: number): void {
    this.#foreign.set(dataId, new StoredTensor(this, leafOf(values, shape, dtype), references));
    this.#concrete++;
  }

  override readSync(dataId: object): HostValues {
    const { value } = this.#get(dataId);
    if (value.tensor !== null) return value.tensor.data;
    try {
      this.flush();
    } catch (error) {
      // Some other tensor that is alive may be the one that cannot be computed; it must not take this one with it.
      if (this.#pending.size === 1) throw error;
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

  /** Runs `f` and what it traced; `kernelMs` is the time inside ONNX Runtime. */
  override async time(f: () => void): Promise<{ kernelMs: number; getExtraProfileInfo: () => string }> {
    this.flush();
    const before = this.statistics();
    f();
    this.flush();
    const after = this.statistics();
    return {
      kernelMs: after.runMs - before.runMs,
      getExtraProfileInfo: () =>
        `${after.lastRunNodes} kernels, ${after.compilations - before.compilations} compilations`,
    };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    this.#cache.clear();
    this.#pending.clear();
  }

  /** The tensor, if it is here. */
  #find(dataId: object): StoredTensor | undefined {
    if (dataId instanceof StoredTensor && dataId.owner === this) return dataId;
    return this.#foreign.has(dataId) ? this.#foreign.get(dataId) : undefined;
  }

  /** The tensor, which tfjs moves here first if it is on another backend. */
  #get(dataId: object): StoredTensor {
    if (dataId instanceof StoredTensor && dataId.owner === this) return dataId;
    // tfjs itself knows no tensor that was disposed, and would say so in its own variables' names.
    const isKnown = this.#foreign.has(dataId) || engine().state.tensorInfo.has(dataId);
    const stored = isKnown ? this.#foreign.get(dataId) : undefined;
    if (stored) return stored;
    throw new OnnxRuntimeBackendError(
      'unknown-tensor',
      'The tensor has no data on the onnxruntime backend: it was disposed, or belongs to a backend that was removed.',
    );
  }
}

/** What a kernel row sees of the backend; a class, because one is made for every kernel that is called. */
class TracedCall implements KernelCall {
  readonly tensors: KernelCall['tensors'];
  readonly attributes: KernelCall['attributes'];
  readonly #backend: OnnxRuntimeBackend;

  constructor(
    backend: OnnxRuntimeBackend,
    tensors: KernelCall['tensors'],
    attributes: KernelCall['attributes'],
  ) {
    this.#backend = backend;
    this.tensors = tensors;
    this.attributes = attributes;
  }

  value(tensor: TensorInfo): TraceValue {
    return this.#backend.traced(tensor);
  }

  reshape(value: TraceValue, shape: Shape): TraceValue {
    return reshaped(value, shape);
  }

  read(tensor: TensorInfo): HostValues {
    return this.#backend.readSync(tensor.dataId);
  }

  areConvex(slopes: TraceValue): boolean {
    return this.#backend.areConvex(slopes);
  }

  number(value: number, dtype: DType = 'float32'): TraceValue {
    return makeLeaf([value], [], dtype);
  }

  leaf(values: HostValues, shape: Shape, dtype: DType): TraceValue {
    return makeLeaf(values, shape, dtype);
  }
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

function makeLeaf(values: ArrayLike<number>, shape: Shape, dtype: DType): TraceValue {
  const value = new TraceValue(shape, dtype);
  const { Tensor } = loadRuntime();
  value.tensor = new Tensor(dtype, hostArray(values, dtype), shape);
  return value;
}

function reshaped(value: TraceValue, shape: Shape): TraceValue {
  return sameShape(value.shape, shape) ? value : trace(reshapeOp, [value], { shape, dtype: value.dtype });
}

// Copied always: a caller may fill the same array with its next batch before this one has been computed.
function hostArray(values: ArrayLike<number>, dtype: DType): HostValues {
  // From one typed array to another the constructor copies memory; `from` would take element by element.
  if (dtype === 'float32') return new Float32Array(values);
  if (dtype === 'int32') return new Int32Array(values);
  return Uint8Array.from(values, (x) => (x ? 1 : 0));
}
