// From a schedule to the session that runs it: the one that this process has compiled before, the graph that an earlier process
// has left on disk, or a new compilation; in one part, or, once its parameters keep the same, in two.

import { type CompiledModel, compileSchedule } from '../lowering/compile.ts';
import type { LoweringOptions } from '../lowering/lowering.ts';
import type { OnnxRuntimeBackendOptions } from '../options.ts';
import { estimatePeakBytes } from '../trace/peak-memory.ts';
import type { Schedule } from '../trace/schedule.ts';
import { hasBackwardPass, parametersOf, SteadyParameters } from '../trace/steady-parameters.ts';
import { nchwcBlockSize } from './block-size.ts';
import { CompiledSession } from './compiled-session.ts';
import { DiskCache, type GraphIdentity } from './disk-cache.ts';
import { HoistedSession } from './hoisted-session.ts';
import { dumpModel } from './model-dump.ts';
import type { NativeTensor } from './native-binding.ts';
import { chooseProvider } from './provider.ts';
import { type GraphSession, SessionCache } from './session-cache.ts';

/** A trace of fewer kernels is not looked for on disk; see DiskCache. */
const tracedNodesWorthKeeping = 50;

/**
 * Runs in a row with the same parameters after which a graph's work on them is hoisted out of it. To compile its parts costs as much as
 * ten to twenty runs of one image gain.
 */
const runsToHoist = 8;

/** The graphs compiled under one set of options. */
export class CompiledGraphs {
  readonly #options: OnnxRuntimeBackendOptions;
  readonly #sessions: SessionCache;
  readonly #disk: DiskCache | null;
  /** Of each graph that may be hoisted; null where it turned out that it cannot be. */
  readonly #steady = new WeakMap<CompiledSession, SteadyParameters | null>();
  #compilations = 0;
  #diskHits = 0;
  #hoisted = 0;

  constructor(options: OnnxRuntimeBackendOptions) {
    const { cacheEntries, cacheBytes, diskCache, diskCacheBytes, callSites } = options;
    this.#options = options;
    this.#sessions = new SessionCache({ entries: cacheEntries, bytes: cacheBytes });
    // Kept graphs know nothing of call sites.
    this.#disk =
      diskCache === null || callSites ? null : new DiskCache({ directory: diskCache, bytes: diskCacheBytes });
  }

  /** Graphs compiled so far. */
  get compilations(): number {
    return this.#compilations;
  }

  /** Graphs taken from the disk so far. */
  get diskHits(): number {
    return this.#diskHits;
  }

  /** Graphs split in two so far. */
  get hoisted(): number {
    return this.#hoisted;
  }

  /** Sessions held, and the bytes of activations that they need by estimate. */
  get held(): { sessions: number; bytes: number } {
    return { sessions: this.#sessions.size, bytes: this.#sessions.bytes };
  }

  /**
   * The session of a schedule that was compiled before and is still held; but not one in two parts that is prepared anew in every run: in
   * one part the graph is faster then.
   */
  find({ hash, signature }: Schedule): GraphSession | undefined {
    const session = this.#sessions.find(hash, signature);
    return session instanceof HoistedSession && session.changes >= runsToHoist ? undefined : session;
  }

  /** Makes the session of a schedule for which `find` has none. Throws `compilation-failed`. */
  compile(schedule: Schedule): GraphSession {
    const estimate = estimatePeakBytes(schedule);
    const session = this.#loadKept(schedule, estimate) ?? this.#compileAnew(schedule, estimate);
    this.#sessions.add(schedule.hash, session);
    return session;
  }

  /** The session that is to run these leaves now, or one in two parts that takes its place from here on. */
  hoistedOnceSteady(
    session: GraphSession,
    schedule: Schedule,
    leaves: readonly NativeTensor[],
  ): GraphSession {
    if (!this.#options.hoisting || !(session instanceof CompiledSession)) return session;
    let steady = this.#steady.get(session);
    if (steady === undefined) {
      steady = hasBackwardPass(schedule) ? null : new SteadyParameters();
      this.#steady.set(session, steady);
    }
    const parameters = steady === null ? [] : parametersOf(schedule);
    if (steady === null || parameters.length === 0) return session;
    if (steady.count(parameters.map((place) => leaves[place]!)) < runsToHoist) return session;
    this.#steady.set(session, null);
    try {
      const model = compileSchedule(schedule, this.#loweringOptions());
      const hoisted = HoistedSession.from(session, model, { leaves, parameters }, this.#options);
      if (hoisted === null) return session;
      this.#sessions.add(schedule.hash, hoisted);
      this.#hoisted++;
      return hoisted;
    } catch {
      // Where there is no memory for two parts, the one that runs is as right.
      return session;
    }
  }

  /** The ONNX model of a schedule, which is not compiled. Throws `compilation-failed`. */
  modelOf(schedule: Schedule): Uint8Array {
    return compileSchedule(schedule, this.#loweringOptions()).bytes;
  }

  /** Drops all sessions, with the native memory that they hold. */
  clear(): void {
    this.#sessions.clear();
  }

  #compileAnew(schedule: Schedule, estimate: number): CompiledSession {
    const model = compileSchedule(schedule, this.#loweringOptions());
    this.#dump(schedule, model);
    const signature = schedule.signature.slice();
    const compile = (writeTo: string | null) =>
      new CompiledSession(model, signature, estimate, this.#options, { already: false, writeTo });
    const session = this.#disk?.compileAndKeep(this.#identityOf(schedule), model, compile) ?? compile(null);
    this.#compilations++;
    return session;
  }

  /** The graph as an earlier process compiled it, or null. */
  #loadKept(schedule: Schedule, estimate: number): CompiledSession | null {
    const disk = this.#disk;
    if (!disk || schedule.nodes.length < tracedNodesWorthKeeping) return null;
    const identity = this.#identityOf(schedule);
    const model = disk.find(identity);
    if (!model) return null;
    this.#dump(schedule, model);
    try {
      const signature = schedule.signature.slice();
      const session = new CompiledSession(model, signature, estimate, this.#options, { already: true });
      this.#diskHits++;
      return session;
    } catch {
      disk.discard(identity);
      return null;
    }
  }

  #identityOf({ signature }: Schedule): GraphIdentity {
    const { provider, optimization } = this.#options;
    const { blockSize, heldBytes, precision } = this.#loweringOptions();
    return {
      signature,
      circumstances: [chooseProvider(provider), optimization, blockSize, heldBytes, precision],
    };
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
}
