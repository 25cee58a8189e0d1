/**
 * A `Communicator` over MPI: each rank is a process, started by `mpirun`. Operations block, as the interface asks, but not in MPI:
 * each is begun by the form of the call that returns at once, and then asked after, so that a wait can end in an error which
 * names the rank that is missing. Between questions the processor is left to others.
 */
import { hostname } from 'node:os';
import type { Communicator, Exchangeable, PendingReduction } from '@arcface/subcenter-loss';
import { endWithin } from './last-resort.ts';
import type { MpiImplementation } from './mpi-abi.ts';
import { MpiCalls, type MpiRequest, type Reduction } from './mpi-calls.ts';
import { MpiError } from './mpi-error.ts';
import { isUnderMpi, loadMpiLibrary } from './mpi-library.ts';
import { PeerWatch } from './peer-watch.ts';
import { ProgressThread, type WatchedRequest } from './progress-thread.ts';

export interface MpiOptions {
  /** File or name of the MPI library. Default: `ARCFACE_MPI_LIBRARY`, or else the one of the launcher. */
  readonly library?: string | undefined;
  /**
   * Seconds without a sign of life after which a rank that is waited for counts as gone. A rank gives none while it computes, so
   * this must be longer than a step. Default 300.
   */
  readonly silenceSeconds?: number | undefined;
  /** Seconds after which a rank that is alive, but does not come to where the others wait, counts as stuck. Default 3600. */
  readonly lateSeconds?: number | undefined;
  /**
   * Starts a thread that gets on with what `startAllReduce` has begun while this rank computes. MPI is then begun for several threads, which
   * makes every call of it a little slower. Default false.
   */
  readonly progressThread?: boolean | undefined;
}

/** An exchange under way, which says when it was found done. */
export interface MpiReduction extends PendingReduction {
  /** As of `performance.now()`; undefined before. */
  readonly doneAt: number | undefined;
}

/** Where a rank runs. */
export interface MpiPlace {
  readonly host: string;
  readonly process: number;
}

export interface MpiCommunicator extends Communicator {
  readonly implementation: MpiImplementation;
  /** What the library says of itself: `Open MPI v4.1.4, ...`. */
  readonly version: string;
  /** Where the ranks run, in their order. */
  readonly places: readonly MpiPlace[];
  /** Whether a thread gets on with what is begun (`progressThread`): false until it has started, and where MPI allows no threads. */
  readonly progressesByItself: boolean;
  startAllReduce(values: Exchangeable, operation: Reduction): MpiReduction;
  /** Ends MPI: all ranks call it together, and nothing after it. */
  close(): void;
  /**
   * Ends the processes of all ranks, this one included: for a rank that fails. Where several fail at once, the first ends the rest;
   * where the launcher cannot be reached, each ends itself, ten seconds later.
   *
   * @param options.exitCode default 1. @param options.message written to stderr by a rank that gets to ending the others
   */
  abort(options?: { readonly exitCode?: number; readonly message?: string }): void;
}

const OPERATIONS = ['allReduce sum', 'allReduce max', 'allGather', 'broadcast', 'barrier', 'close'] as const;
type Operation = (typeof OPERATIONS)[number];

/** Questions that are asked at once, before the processor is left to others: what a message between two cores takes. */
const SPINS = 50;
/** Milliseconds between questions after that. */
const PAUSE = 0.05;
/** Milliseconds of a sleep from which the progress thread wakes this one. */
const LONG_PAUSE = 100;
/** Milliseconds that the launcher has to read what a rank has said. */
const LAST_WORDS = 300;
/** Milliseconds that a rank lets the one before it be the first to abort; and how many at most. */
const ABORT_STEP = 1000;
const LONGEST_ABORT = 4000;
/** Milliseconds that the launcher may take to end this process, before it ends itself. */
const ABORT_PATIENCE = 10_000;
/** Most numbers of one call: MPI counts them in 31 bits. */
const MOST = 1 << 28;

/**
 * Begins MPI in this process, once in its life.
 *
 * @throws {MpiError} `not-launched` for a process that no launcher started, `no-library`, `unknown-library`, `invalid-option`,
 *   `mpi-failed`. The operations throw `mpi-failed`, `out-of-step` and `rank-silent`; after that only `abort` is left.
 */
export function mpiCommunicator(options: MpiOptions = {}): MpiCommunicator {
  const { silenceSeconds = 300, lateSeconds = 3600, progressThread = false } = options;
  for (const [name, value] of Object.entries({ silenceSeconds, lateSeconds })) {
    if (!(value > 0)) throw new MpiError('invalid-option', `${name} must be positive, found ${value}`);
  }
  if (!isUnderMpi()) {
    throw new MpiError(
      'not-launched',
      'This process is no rank of an MPI program. Start it with mpirun (or mpiexec, or srun --mpi=pmix): mpirun -n 4 npx arcface ...',
    );
  }
  const library = loadMpiLibrary(options.library);
  const calls = new MpiCalls(library);
  const threads = calls.initialise({ threads: progressThread });
  const { rank, size } = calls;
  const progress = threads
    ? new ProgressThread(library, (name, code) => calls.failure(name, code))
    : undefined;
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  let watch: PeerWatch | undefined;
  /** What has been begun and not been found done: MPI has the addresses of its numbers, even if nobody asks after it again. */
  const underWay = new Set<unknown>();

  function wait(request: MpiRequest, what: Operation): void {
    for (let questions = 0; !calls.test(request); questions++) {
      if (questions < SPINS) continue;
      Atomics.wait(sleep, 0, 0, PAUSE);
      watch?.waiting(what);
    }
  }

  /** Collects pieces whose lengths are known. */
  function gather<T extends Exchangeable>(values: T, lengths: readonly number[], what: Operation): T[] {
    const counts = Int32Array.from(lengths);
    const begins = new Int32Array(size);
    for (let other = 1; other < size; other++) begins[other] = begins[other - 1]! + counts[other - 1]!;
    const total = begins.at(-1)! + counts.at(-1)!;
    const into = (values instanceof Float32Array ? new Float32Array(total) : new Int32Array(total)) as T;
    wait(calls.allGather(values, into, counts, begins), what);
    return lengths.map((length, other) => into.subarray(begins[other], begins[other]! + length) as T);
  }

  /** All ranks say what they call, with how many numbers, and check that they agree. Returns the length of each. */
  function agree(what: Operation, length: number, lengths: 'equal' | 'any'): number[] {
    watch?.begin();
    const own = Int32Array.of(OPERATIONS.indexOf(what), length);
    const all = gather(
      own,
      Array.from({ length: size }, () => own.length),
      what,
    );
    check(all, { what, length, lengths });
    return all.map(([, found = 0]) => found);
  }

  /** @param all what each rank has called, as its place among the operations, and with how many numbers */
  function check(
    all: readonly Int32Array[],
    { what, length, lengths }: { what: Operation; length: number; lengths: 'equal' | 'any' },
  ): void {
    for (const [other, [call = -1, found = -1]] of all.entries()) {
      if (OPERATIONS[call] === what && (lengths === 'any' || found === length)) continue;
      throw new MpiError(
        'out-of-step',
        `rank ${rank} of ${size}: called ${what} with ${length} numbers while rank ${other} called ${OPERATIONS[call]} with ${found}`,
      );
    }
  }

  function pieces(values: Exchangeable): Exchangeable[] {
    const count = Math.max(1, Math.ceil(values.length / MOST));
    return Array.from({ length: count }, (_, i) => values.subarray(i * MOST, (i + 1) * MOST));
  }

  function allReduce(values: Exchangeable, operation: Reduction): void {
    const what = `allReduce ${operation}` as const;
    agree(what, values.length, 'equal');
    for (const piece of pieces(values)) wait(calls.allReduce(piece, operation), what);
  }

  /** Waits for nobody: what the others have called is looked at when it has come, before the sum is. */
  function startAllReduce(values: Exchangeable, operation: Reduction): MpiReduction {
    const what = `allReduce ${operation}` as const;
    watch?.begin();
    const call = { what, length: values.length, lengths: 'equal' } as const;
    const own = Int32Array.of(OPERATIONS.indexOf(what), values.length);
    const all = new Int32Array(own.length * size);
    const [counts, begins] = [own.length, 0].map((base, i) =>
      Int32Array.from({ length: size }, (_, other) => (i === 0 ? base : other * own.length)),
    );
    const agreement = watched(calls.allGather(own, all, counts!, begins!));
    const sums = pieces(values).map((piece) => watched(calls.allReduce(piece, operation)));
    const exchange = { agreement, sums };
    underWay.add(exchange);
    let agreed = false;
    let doneAt: number | undefined;
    const isDone = (): boolean => {
      if (!agreed && agreement.doneAt() === undefined) return false;
      if (!agreed) {
        check(
          Array.from({ length: size }, (_, other) =>
            all.subarray(other * own.length, (other + 1) * own.length),
          ),
          call,
        );
        agreed = true;
      }
      const times = sums.map((sum) => sum.doneAt());
      if (times.includes(undefined)) return false;
      doneAt ??= Math.max(...(times as number[]));
      underWay.delete(exchange);
      return true;
    };
    return {
      isDone,
      get doneAt() {
        return isDone() ? doneAt : undefined;
      },
      wait() {
        if (isDone()) return;
        watch?.waitFromNow();
        while (!isDone()) {
          (agreed ? sums.find((sum) => sum.doneAt() === undefined) : agreement)?.sleep(LONG_PAUSE);
          watch?.waiting(what);
        }
      },
    };
  }

  /** A request that the progress thread asks after, or else this one, whenever it is asked itself. */
  function watched(request: MpiRequest): WatchedRequest {
    const taken = progress?.take(request);
    if (taken) return taken;
    let doneAt: number | undefined;
    return {
      doneAt() {
        if (doneAt === undefined && calls.test(request)) doneAt = performance.now();
        return doneAt;
      },
      sleep: () => void Atomics.wait(sleep, 0, 0, PAUSE),
    };
  }

  const places = exchangePlaces(gather, size);
  if (size > 1) {
    watch = new PeerWatch(calls, {
      rank,
      names: places.map((place, each) => `rank ${each} (process ${place.process} on ${place.host})`),
      silenceMs: silenceSeconds * 1000,
      lateMs: lateSeconds * 1000,
    });
  }

  return {
    rank,
    size,
    places,
    implementation: library.abi.implementation,
    version: library.version,
    get progressesByItself() {
      return progress?.isReady ?? false;
    },
    startAllReduce,
    allReduce,
    allGather<T extends Exchangeable>(values: T): readonly T[] {
      return gather(values, agree('allGather', values.length, 'any'), 'allGather');
    },
    broadcast(values, root) {
      if (!Number.isInteger(root) || root < 0 || root >= size) {
        throw new MpiError('invalid-option', `there is no rank ${root} to broadcast`);
      }
      agree('broadcast', values.length, 'equal');
      for (const piece of pieces(values)) wait(calls.broadcast(piece, root), 'broadcast');
    },
    barrier() {
      agree('barrier', 0, 'equal');
    },
    close() {
      agree('close', 0, 'equal');
      const ended = watch;
      watch = undefined;
      ended?.close();
      // Nobody gives signs of life after this meeting; what is on its way must not be left when MPI ends.
      agree('close', 0, 'equal');
      while (ended && !ended.settle()) Atomics.wait(sleep, 0, 0, PAUSE);
      agree('close', 0, 'equal');
      ended?.settle();
      progress?.close();
      calls.finalise();
    },
    abort({ exitCode = 1, message } = {}) {
      watch?.close();
      // One after the other: the first ends the rest, and Open MPI's launcher gets confused by several that do at once.
      Atomics.wait(sleep, 0, 0, Math.min(rank * ABORT_STEP, LONGEST_ABORT));
      if (message !== undefined) process.stderr.write(`${message}\n`);
      // Launchers pass on what was said before only while the job runs.
      Atomics.wait(sleep, 0, 0, LAST_WORDS);
      endWithin(ABORT_PATIENCE);
      calls.abort(exitCode);
    },
  };
}

/** Tells everybody where everybody is. */
function exchangePlaces(
  gather: (values: Int32Array, lengths: readonly number[], what: Operation) => Int32Array[],
  size: number,
): MpiPlace[] {
  // The longest name that a host can have.
  const own = new Int32Array(1 + 256);
  own[0] = process.pid;
  own.set(Buffer.from(hostname()).subarray(0, 255), 1);
  const all = gather(
    own,
    Array.from({ length: size }, () => own.length),
    'barrier',
  );
  return all.map(([process = 0, ...host]) => ({
    process,
    host: Buffer.from(host.slice(0, host.indexOf(0))).toString(),
  }));
}
