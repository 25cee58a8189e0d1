/** A communicator that writes down what is asked of it: the operation, how much, how long it took, and what was computed before. */
import type { Communicator, Exchangeable } from '@arcface/subcenter-loss';

/** An operation in which all ranks take part. */
export interface Exchange {
  readonly operation: 'allReduce' | 'allGather' | 'broadcast' | 'barrier';
  /** Bytes that each rank brings. */
  readonly bytes: number;
}

export interface RecordedExchange extends Exchange {
  /** Seconds since the operation before. */
  readonly computed: number;
  /** Seconds in the operation, waiting for others included. */
  readonly exchanged: number;
}

/** A sum under way; times in milliseconds as of `performance.now()`. */
export interface RecordedReduction {
  readonly bytes: number;
  readonly begun: number;
  /** When it was found done, by whoever asked. */
  done: number;
  /** How long the rank waited for it, doing nothing else. */
  waited: number;
}

/**
 * @param record gets the operations; empty it between steps
 * @param reductions gets the sums that are begun and waited for later. Without it none are: each sum is waited for where it is begun
 */
export function recordingCommunicator(
  communicator: Communicator,
  record: RecordedExchange[],
  reductions?: RecordedReduction[],
): Communicator {
  let last = performance.now();
  function recorded<T>(operation: Exchange['operation'], values: Exchangeable | undefined, run: () => T): T {
    const begun = performance.now();
    const result = run();
    const ended = performance.now();
    record.push({
      operation,
      bytes: values?.byteLength ?? 0,
      computed: (begun - last) / 1000,
      exchanged: (ended - begun) / 1000,
    });
    last = ended;
    return result;
  }
  const startAllReduce: Communicator['startAllReduce'] = (values, operation) => {
    const entry: RecordedReduction = {
      ...{ bytes: values.byteLength, begun: performance.now() },
      ...{ done: 0, waited: 0 },
    };
    const pending = communicator.startAllReduce!(values, operation);
    reductions!.push(entry);
    return {
      isDone: () => pending.isDone(),
      wait() {
        const from = performance.now();
        pending.wait();
        entry.waited += performance.now() - from;
        // As the progress thread found it; otherwise this rank has found it now.
        entry.done =
          'doneAt' in pending && typeof pending.doneAt === 'number' ? pending.doneAt : performance.now();
      },
    };
  };
  return {
    ...(reductions && communicator.startAllReduce && { startAllReduce }),
    rank: communicator.rank,
    size: communicator.size,
    allReduce: (values, operation) =>
      recorded('allReduce', values, () => communicator.allReduce(values, operation)),
    allGather: (values) => recorded('allGather', values, () => communicator.allGather(values)),
    broadcast: (values, root) => recorded('broadcast', values, () => communicator.broadcast(values, root)),
    barrier: () => recorded('barrier', undefined, () => communicator.barrier()),
  };
}
