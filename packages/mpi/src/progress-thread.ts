/**
 * Gets exchanges on while the rank's own thread computes. MPI works on an exchange when it is called, and a rank that computes a
 * gradient does not call; so a second thread asks after what is under way, and sleeps in between. MPI must have been begun for several
 * threads (`MPI_THREAD_MULTIPLE`).
 *
 * The two threads share memory and no messages, since the rank's thread may not get to its event loop for seconds: a slot for each
 * exchange, with its handle, its state, and the time when it was found done.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { type MpiRequest, TEST_TYPES } from './mpi-calls.ts';
import type { MpiLibrary } from './mpi-library.ts';

/** Exchanges that it takes at a time. */
const SLOTS = 64;
/** Where in the shared integers things stand: exchanges under way, or `END`; how far the thread is; then the states of the slots, and codes of errors. */
const WORK = 0;
const THREAD = 1;
const STATES = 2;
const CODES = STATES + SLOTS;

const END = -1;
const READY = 1;
const ENDED = 2;

const FREE = 0;
const UNDER_WAY = 1;
const DONE = 2;
const FAILED = 3;

/** Milliseconds between questions. */
const PAUSE = 0.1;
/** Milliseconds that the thread may take to end. */
const PATIENCE = 5000;

/**
 * The thread's program. As text, because a thread does not inherit the loader that reads TypeScript, and who bundles this package has
 * no second file.
 */
const PROGRAM = `
const { workerData } = require('node:worker_threads');
const { koffi, name, types, statusIgnore, integers, handles, times } = workerData;
const pause = new Int32Array(new SharedArrayBuffer(4));
const found = new Int32Array(1);
const set = (at, value) => { Atomics.store(integers, at, value); Atomics.notify(integers, at); };
const test = require(koffi).load(name, { global: true }).func('MPI_Test', 'int', types);
set(${THREAD}, ${READY});
for (;;) {
  Atomics.wait(integers, ${WORK}, 0);
  if (Atomics.load(integers, ${WORK}) === ${END}) break;
  for (let slot = 0; slot < ${SLOTS}; slot++) {
    if (Atomics.load(integers, ${STATES} + slot) !== ${UNDER_WAY}) continue;
    found[0] = 0;
    const code = test(handles.subarray(slot, slot + 1), found, statusIgnore);
    if (code === 0 && found[0] === 0) continue;
    times[slot] = performance.timeOrigin + performance.now();
    integers[${CODES} + slot] = code;
    Atomics.sub(integers, ${WORK}, 1);
    set(${STATES} + slot, code === 0 ? ${DONE} : ${FAILED});
  }
  Atomics.wait(pause, 0, 0, ${PAUSE});
}
set(${THREAD}, ${ENDED});
`;

/** An exchange that the thread has taken over. */
export interface WatchedRequest {
  /**
   * When it was found done: milliseconds as of `performance.now()`; undefined as long as it is not.
   *
   * @throws {MpiError} `mpi-failed`
   */
  doneAt(): number | undefined;
  /** Sleeps until it is done, or so many milliseconds. */
  sleep(milliseconds: number): void;
}

export class ProgressThread {
  readonly #integers = new Int32Array(new SharedArrayBuffer(4 * (CODES + SLOTS)));
  readonly #handles = new BigUint64Array(new SharedArrayBuffer(8 * SLOTS));
  readonly #times = new Float64Array(new SharedArrayBuffer(8 * SLOTS));
  readonly #held: (readonly unknown[])[] = [];
  readonly #failure: (name: string, code: number) => Error;
  readonly #thread: Worker;

  /** @param failure makes an error of what `MPI_Test` returns */
  constructor({ name, abi }: MpiLibrary, failure: (name: string, code: number) => Error) {
    this.#failure = failure;
    this.#thread = new Worker(PROGRAM, {
      eval: true,
      execArgv: [],
      workerData: {
        koffi: createRequire(import.meta.url).resolve('koffi'),
        name,
        types: [...TEST_TYPES],
        statusIgnore: abi.statusIgnore,
        integers: this.#integers,
        handles: this.#handles,
        times: this.#times,
      },
    });
    // Without it exchanges go on all the same, whenever MPI is called.
    this.#thread.on('error', () => {});
    this.#thread.unref();
  }

  get isReady(): boolean {
    return Atomics.load(this.#integers, THREAD) === READY;
  }

  /**
   * Takes a request over, after which nobody else may ask MPI about it. Returns undefined, and takes nothing, while the thread is not
   * ready or has its hands full.
   */
  take(request: MpiRequest): WatchedRequest | undefined {
    const integers = this.#integers;
    if (!this.isReady) return undefined;
    const slot = integers.subarray(STATES, STATES + SLOTS).indexOf(FREE);
    if (slot < 0) return undefined;
    this.#handles[slot] = request.handle[0]!;
    this.#held[slot] = request.held;
    Atomics.store(integers, STATES + slot, UNDER_WAY);
    Atomics.add(integers, WORK, 1);
    Atomics.notify(integers, WORK);
    let doneAt: number | undefined;
    return {
      doneAt: () => (doneAt ??= this.#take(slot)),
      sleep: (milliseconds) => {
        if (doneAt === undefined) Atomics.wait(integers, STATES + slot, UNDER_WAY, milliseconds);
      },
    };
  }

  /** The time when what is in a slot was found done, and frees it. */
  #take(slot: number): number | undefined {
    const state = Atomics.load(this.#integers, STATES + slot);
    if (state === UNDER_WAY) return undefined;
    const code = this.#integers[CODES + slot]!;
    this.#held[slot] = [];
    Atomics.store(this.#integers, STATES + slot, FREE);
    if (state === FAILED) throw this.#failure('MPI_Test', code);
    return this.#times[slot]! - performance.timeOrigin;
  }

  /** Ends the thread, and returns when it calls MPI no more. Nothing may be under way. */
  close(): void {
    const integers = this.#integers;
    Atomics.store(integers, WORK, END);
    Atomics.notify(integers, WORK);
    if (Atomics.wait(integers, THREAD, READY, PATIENCE) === 'timed-out') void this.#thread.terminate();
  }
}
