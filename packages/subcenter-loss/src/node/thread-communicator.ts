/**
 * Ranks as worker threads of one Node process. They share one block of memory: a few integers to meet at, and for each rank a
 * slot in which it lays out what it brings. An operation is: lay out, meet, read what the others have laid out, meet again
 * (so that nobody lays out the next before all have read). What is larger than a slot goes in pieces.
 *
 * Threads wait by `Atomics.wait`, without using the processor. Each says with every meeting what it calls and with how much, so
 * that ranks which have got out of step are told so, and not given each other's numbers.
 */
import type { Communicator, Exchangeable } from '../communicator.ts';
import { SubcenterLossError } from '../subcenter-loss-error.ts';

/** What the threads of a group share. It can be posted to a worker, or given to it as `workerData`. */
export interface ThreadGroup {
  readonly size: number;
  readonly memory: SharedArrayBuffer;
  /** Longest time to wait for another rank, milliseconds. */
  readonly timeoutMs: number;
}

export interface ThreadGroupOptions {
  /** Numbers that a rank can lay out at once. Larger is faster for large tensors. Default 262,144: 1 MiB for each rank. */
  readonly slotLength?: number;
  /** Longest time to wait for another rank before giving up, milliseconds. Default ten minutes. */
  readonly timeoutMs?: number;
}

/** Where in the shared integers things stand; then two integers of each rank: what it calls, and with how many numbers. */
const ARRIVED = 0;
const ROUND = 1;
const BROKEN = 2;
const HEADER = 3;
const PER_RANK = 2;

const CALLS = ['allReduce sum', 'allReduce max', 'allGather', 'broadcast', 'barrier'] as const;
type Call = (typeof CALLS)[number];

/** @throws {SubcenterLossError} `invalid-option`. */
export function createThreadGroup(size: number, options: ThreadGroupOptions = {}): ThreadGroup {
  const { slotLength = 262_144, timeoutMs = 600_000 } = options;
  for (const [name, value] of Object.entries({ size, slotLength, timeoutMs })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new SubcenterLossError('invalid-option', `${name} must be a positive integer, found ${value}`);
    }
  }
  const integers = HEADER + size * PER_RANK;
  return { size, memory: new SharedArrayBuffer(4 * (integers + size * slotLength)), timeoutMs };
}

/** A `Communicator` that can be given up, so that the other ranks don't wait for one that has failed. */
export interface ThreadCommunicator extends Communicator {
  /** Makes every operation of every rank throw from now on: to be called by a rank that fails. */
  abort(): void;
}

/**
 * The communicator of one thread of a group. Every thread makes its own, each with another rank.
 *
 * @throws {SubcenterLossError} `invalid-option` for a rank that the group doesn't have. Its operations throw
 *   `communication-failed` when a rank calls another operation, or with another length, when none comes within
 *   `timeoutMs`, and after `abort`.
 */
export function threadCommunicator(group: ThreadGroup, rank: number): ThreadCommunicator {
  const { size, memory, timeoutMs } = group;
  if (!Number.isInteger(rank) || rank < 0 || rank >= size) {
    throw new SubcenterLossError('invalid-option', `rank must be from 0 to ${size - 1}, found ${rank}`);
  }
  const integers = HEADER + size * PER_RANK;
  const slotLength = (memory.byteLength / 4 - integers) / size;
  const shared = new Int32Array(memory, 0, integers);

  function fail(message: string): never {
    Atomics.store(shared, BROKEN, 1);
    Atomics.add(shared, ROUND, 1);
    Atomics.notify(shared, ROUND);
    throw new SubcenterLossError('communication-failed', `rank ${rank} of ${size}: ${message}`);
  }

  function meet(): void {
    // The round first: whoever gives up after it was read changes it, so that nobody goes on to wait for a rank that is gone.
    const round = Atomics.load(shared, ROUND);
    if (Atomics.load(shared, BROKEN)) fail('another rank has failed');
    if (Atomics.add(shared, ARRIVED, 1) === size - 1) {
      Atomics.store(shared, ARRIVED, 0);
      Atomics.add(shared, ROUND, 1);
      Atomics.notify(shared, ROUND);
    } else {
      // In a loop: the one that came last to the meeting before may only now come to wake who waited there.
      while (Atomics.load(shared, ROUND) === round) {
        if (Atomics.wait(shared, ROUND, round, timeoutMs) === 'timed-out') {
          fail(`no answer from the other ranks within ${timeoutMs / 1000} s`);
        }
      }
    }
    if (Atomics.load(shared, BROKEN)) fail('another rank has failed');
  }

  /** All ranks say what they call, with how many numbers, and check that they agree. Returns the length of each. */
  function agree(call: Call, length: number, lengths: 'equal' | 'any'): number[] {
    const own = HEADER + rank * PER_RANK;
    shared[own] = CALLS.indexOf(call);
    shared[own + 1] = length;
    meet();
    const others = Array.from({ length: size }, (_, other) => {
      const at = HEADER + other * PER_RANK;
      return { call: CALLS[shared[at]!]!, length: shared[at + 1]! };
    });
    for (const [other, found] of others.entries()) {
      if (found.call === call && (lengths === 'any' || found.length === length)) continue;
      fail(
        `called ${call} with ${length} numbers while rank ${other} called ${found.call} with ${found.length}`,
      );
    }
    meet();
    return others.map((found) => found.length);
  }

  function slot(other: number, like: Exchangeable): Exchangeable {
    const begin = 4 * (integers + other * slotLength);
    return like instanceof Float32Array
      ? new Float32Array(memory, begin, slotLength)
      : new Int32Array(memory, begin, slotLength);
  }

  /** Lays `values` out piece by piece; `read` is called with the begin of each piece, when all have been laid out. */
  function inPieces(values: Exchangeable, longest: number, read: (begin: number) => void): void {
    for (let begin = 0; begin < longest; begin += slotLength) {
      slot(rank, values).set(values.subarray(begin, begin + slotLength) as never);
      meet();
      read(begin);
      meet();
    }
  }

  return {
    rank,
    size,
    allReduce(values, operation) {
      agree(`allReduce ${operation}`, values.length, 'equal');
      const slots = Array.from({ length: size }, (_, other) => slot(other, values));
      inPieces(values, values.length, (begin) => {
        const end = Math.min(values.length, begin + slotLength);
        // In the order of ranks on every rank, and in double precision: all end with the same bits.
        for (let i = begin; i < end; i++) {
          let result = slots[0]![i - begin]!;
          for (let other = 1; other < size; other++) {
            const value = slots[other]![i - begin]!;
            result = operation === 'sum' ? result + value : Math.max(result, value);
          }
          values[i] = result;
        }
      });
    },
    allGather<T extends Exchangeable>(values: T): readonly T[] {
      const lengths = agree('allGather', values.length, 'any');
      const gathered = lengths.map((length) =>
        values instanceof Float32Array ? new Float32Array(length) : new Int32Array(length),
      );
      const longest = Math.max(...lengths);
      inPieces(values, longest, (begin) => {
        for (const [other, whole] of gathered.entries()) {
          const length = Math.min(slotLength, whole.length - begin);
          if (length > 0) whole.set(slot(other, values).subarray(0, length) as never, begin);
        }
      });
      return gathered as Exchangeable[] as T[];
    },
    broadcast(values, root) {
      if (!Number.isInteger(root) || root < 0 || root >= size) fail(`there is no rank ${root} to broadcast`);
      agree('broadcast', values.length, 'equal');
      inPieces(values, values.length, (begin) => {
        const length = Math.min(slotLength, values.length - begin);
        values.set(slot(root, values).subarray(0, length) as never, begin);
      });
    },
    barrier() {
      agree('barrier', 0, 'equal');
    },
    abort() {
      Atomics.store(shared, BROKEN, 1);
      Atomics.add(shared, ROUND, 1);
      Atomics.notify(shared, ROUND);
    },
  };
}
