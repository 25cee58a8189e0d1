/** Starts the ranks of a run, each with its share of the processor's cores. */
import { availableParallelism } from 'node:os';
import { type RankThreads, startRankThreads } from '@arcface/trainer/node';
import type { TrainCommandOptions } from './training-settings.ts';

/** More than the pieces of any network. */
const GRAPHS = 2048;

/** From the sources a thread runs the source, from a build what was built. */
const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './rank-thread.ts' : './rank-thread.js',
  import.meta.url,
);

/** Batch normalisation over ranks reads in every such layer, and what is computed between two reads is a graph of its own. */
export function graphsOf({ syncBatchNorm }: TrainCommandOptions): number | undefined {
  return syncBatchNorm ? GRAPHS : undefined;
}

/** Undefined for a run of one rank, which needs no thread of its own. */
export function startRanks(options: TrainCommandOptions): RankThreads | undefined {
  const { ranks, backend, threads } = options;
  if (ranks === 1) return undefined;
  // The ranks' threads have an environment of their own, in which ONNX Runtime would not look.
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
  const each = Math.max(1, Math.floor((threads ?? availableParallelism()) / ranks));
  return startRankThreads({
    size: ranks,
    script: SCRIPT,
    data: { backend, threads: each, graphs: graphsOf(options) },
  });
}
