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

/** @param record gets the operations; empty it between steps */
export function recordingCommunicator(communicator: Communicator, record: RecordedExchange[]): Communicator {
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
  return {
    rank: communicator.rank,
    size: communicator.size,
    allReduce: (values, operation) =>
      recorded('allReduce', values, () => communicator.allReduce(values, operation)),
    allGather: (values) => recorded('allGather', values, () => communicator.allGather(values)),
    broadcast: (values, root) => recorded('broadcast', values, () => communicator.broadcast(values, root)),
    barrier: () => recorded('barrier', undefined, () => communicator.barrier()),
  };
}
