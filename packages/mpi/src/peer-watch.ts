/**
 * Tells a rank that is slow from one that is gone. MPI waits for ever: where a process is stopped, or its machine has lost the
 * network, all others stand still without a word. So every rank says now and then that it is alive, and how far it is, by a small
 * message to each of the others: while it waits for them, and whenever its event loop is free. Whoever waits counts for how long
 * it has heard nothing.
 *
 * Only time in which the waiting process itself has run is counted, so that a machine which was asleep accuses nobody.
 */
import type { MpiCalls, MpiRequest } from './mpi-calls.ts';
import { MpiError } from './mpi-error.ts';

/** Milliseconds between two signs of life. */
const INTERVAL = 1000;
/** Of the messages, so that they are not taken for others. */
const TAG = 4711;

export interface PeerWatchOptions {
  readonly rank: number;
  /** How a rank is named in errors: `rank 1 (process 4242 on node-b)`. */
  readonly names: readonly string[];
  /** Milliseconds without a sign of life, while it is waited for, after which a rank counts as gone. */
  readonly silenceMs: number;
  /** Milliseconds after which a rank that lives, but does not come, counts as stuck. */
  readonly lateMs: number;
}

export class PeerWatch {
  readonly #calls: MpiCalls;
  readonly #options: PeerWatchOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #sent: (MpiRequest | undefined)[];
  readonly #silent: number[];
  /** How many operations each rank has begun, as far as it has said. */
  readonly #begun: number[];
  #operation = 0;
  #waited = 0;
  #last = 0;
  #signed = 0;

  constructor(calls: MpiCalls, options: PeerWatchOptions) {
    this.#calls = calls;
    this.#options = options;
    this.#sent = options.names.map(() => undefined);
    this.#silent = options.names.map(() => 0);
    this.#begun = options.names.map(() => 0);
    // Not a reason to stay alive.
    this.#timer = setInterval(() => this.#sign(), INTERVAL).unref();
  }

  /** An operation begins, for which the others are needed. */
  begin(): void {
    this.#operation++;
    this.waitFromNow();
  }

  /** This rank begins to wait, for an operation that has begun before. */
  waitFromNow(): void {
    this.#waited = 0;
    this.#last = performance.now();
    this.#silent.fill(0);
  }

  /** @throws {MpiError} `rank-silent` when it has been waited for too long */
  waiting(what: string): void {
    const now = performance.now();
    const passed = Math.min(now - this.#last, INTERVAL);
    this.#last = now;
    this.#waited += passed;
    for (let peer = 0; peer < this.#silent.length; peer++) this.#silent[peer]! += passed;
    if (now - this.#signed < INTERVAL) return;
    this.#sign();
    this.#accuse(what);
  }

  /** Ends the messages. No rank may need this one any more. */
  close(): void {
    clearInterval(this.#timer);
  }

  /** Takes what has come, and returns whether everything that was sent has arrived. */
  settle(): boolean {
    this.#hear();
    return this.#sent.every((request) => request === undefined || this.#calls.test(request));
  }

  #sign(): void {
    this.#signed = performance.now();
    this.#hear();
    const { rank } = this.#options;
    for (const [peer, request] of this.#sent.entries()) {
      if (peer === rank || (request && !this.#calls.test(request))) continue;
      this.#sent[peer] = this.#calls.send(Int32Array.of(rank, this.#operation), peer, TAG);
    }
  }

  #hear(): void {
    const message = new Int32Array(2);
    while (this.#calls.receive(message, TAG)) {
      this.#silent[message[0]!] = 0;
      this.#begun[message[0]!] = message[1]!;
    }
  }

  #accuse(what: string): void {
    const { rank, names, silenceMs, lateMs } = this.#options;
    const found = (is: (peer: number) => boolean): string =>
      names.filter((_, peer) => peer !== rank && is(peer)).join(', ');
    const gone = found((peer) => this.#silent[peer]! >= silenceMs);
    const seconds = Math.round(this.#waited / 1000);
    if (gone) {
      throw new MpiError(
        'rank-silent',
        `No sign of life of ${gone} for ${seconds} s, while ${names[rank]} waits in ${what}.`,
      );
    }
    if (this.#waited < lateMs) return;
    const late = found((peer) => this.#begun[peer]! < this.#operation);
    throw new MpiError(
      'rank-silent',
      `${late || 'A rank'} has not come for ${seconds} s to where ${names[rank]} waits (${what}), but is alive.`,
    );
  }
}
