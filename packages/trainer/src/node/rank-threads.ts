/**
 * Ranks as worker threads of this process. A rank's script, which is the application's, binds TensorFlow.js to a backend and then
 * calls `serveRank`; `startRankThreads` starts the threads and is the way to them.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { createThreadGroup, type ThreadGroup, threadCommunicator } from '@arcface/subcenter-loss/node';
import type { RankChannel, RankReply, RankRequest } from '../parallel/rank-channel.ts';
import { RankModel } from '../parallel/rank-model.ts';
import { messageOf, TrainingError } from '../training-error.ts';
import { threadBody } from './thread-body.ts';

/** Running ranks, for `TrainingRun.ranks`. */
export interface RankThreads {
  readonly ranks: readonly RankChannel[];
  /** Ends the threads. */
  close(): Promise<void>;
}

interface ThreadStart {
  readonly group: ThreadGroup;
  readonly rank: number;
  readonly data: unknown;
}

type Answer = { readonly reply: RankReply } | { readonly error: string };

/**
 * Starts a thread for every rank.
 *
 * @param options.script module that each thread runs. @param options.data what it finds as {@link rankData}
 */
export function startRankThreads(options: {
  readonly size: number;
  readonly script: URL;
  readonly data?: unknown;
}): RankThreads {
  const group = createThreadGroup(options.size);
  const workers = Array.from({ length: options.size }, (_, rank) => {
    const start: ThreadStart = { group, rank, data: options.data };
    return new Worker(threadBody(options.script), { eval: true, workerData: start });
  });
  return {
    ranks: workers.map((worker, rank) => threadChannel(worker, rank)),
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

function threadChannel(worker: Worker, rank: number): RankChannel {
  let waiting: { resolve: (reply: RankReply) => void; reject: (error: Error) => void } | undefined;
  let failure: Error | undefined;
  const fail = (what: string): void => {
    failure ??= new TrainingError('rank-failed', `Rank ${rank} has failed: ${what}`);
    waiting?.reject(failure);
    waiting = undefined;
  };
  worker.on('message', (answer: Answer) => {
    if ('error' in answer) return fail(answer.error);
    waiting?.resolve(answer.reply);
    waiting = undefined;
  });
  worker.on('error', (error) => fail(messageOf(error)));
  worker.on('exit', () => fail('its thread has ended'));
  return {
    request: (request) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        waiting = { resolve, reject };
        worker.postMessage(request);
      }),
  };
}

/** In a rank's thread: what `startRankThreads` was given as `data`. */
export function rankData(): unknown {
  return (workerData as ThreadStart).data;
}

/** In a rank's thread: answers the run until the thread is ended. The backend must be set. */
export function serveRank(): void {
  const { group, rank } = workerData as ThreadStart;
  const communicator = threadCommunicator(group, rank);
  let model: RankModel | undefined;
  const answer = async (request: RankRequest): Promise<RankReply> => {
    if (request.kind !== 'setup') return model!.answer(request);
    model?.dispose();
    model = new RankModel(request.setup, communicator);
    return { kind: 'done' };
  };
  parentPort!.on('message', async (request: RankRequest) => {
    try {
      parentPort!.postMessage({ reply: await answer(request) } satisfies Answer);
    } catch (error) {
      communicator.abort();
      parentPort!.postMessage({ error: messageOf(error) } satisfies Answer);
    }
  });
}
