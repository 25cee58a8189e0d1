/**
 * Batch norms that are still in a graph remember the mean and variance of what went into them in training. Fed rightly, a
 * model sees about the same again; a wrong scale or order of colours shows at once.
 */
import type { OnnxGraph, OnnxNode } from 'onnx-format';
import { type OnnxResult, type OnnxSession, type RunOptions, runs } from './candidate-runs.ts';
import { floatsOf, graphConstants } from './graph-constants.ts';
import type { InputCandidate } from './input-candidates.ts';

export interface StoredStatistics {
  /** The name of what goes into the batch norm. */
  readonly value: string;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

/** Batch norms that are looked at: the first ones see the input most directly. */
const BATCH_NORMS = 4;
/** No channel counts for more. */
const MOST = 10;

/** The first batch norms behind the input, with what they remember. */
export function earlyBatchNorms(graph: OnnxGraph): StoredStatistics[] {
  const constants = graphConstants(graph);
  const found = graph.nodes.flatMap(({ opType, inputs }: OnnxNode): StoredStatistics[] => {
    if (opType !== 'BatchNormalization') return [];
    const mean = floatsOf(constants.get(inputs[3] ?? ''));
    const variance = floatsOf(constants.get(inputs[4] ?? ''));
    const value = inputs[0];
    if (!mean || !variance || value === undefined) return [];
    return [{ value, mean, variance }];
  });
  // What is an output already, or the input itself, cannot be made an output.
  const taken = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  return found.filter(({ value }) => !taken.has(value)).slice(0, BATCH_NORMS);
}

/** The graph with what goes into the batch norms as further outputs. Their types, which nobody knows, are left to the runtime. */
export function withValuesOf(norms: readonly StoredStatistics[], graph: OnnxGraph): OnnxGraph {
  const outputs = [...new Set(norms.map(({ value }) => value))].map((name) => ({ name }));
  return { ...graph, outputs: [...graph.outputs, ...outputs] };
}

/**
 * How far what goes into the batch norms is from what they remember: the Kullback-Leibler divergence of normal
 * distributions, averaged over channels and batch norms.
 *
 * @param session has the graph of {@link withValuesOf}
 */
export async function divergence(
  session: OnnxSession,
  options: RunOptions,
  candidate: InputCandidate,
  norms: readonly StoredStatistics[],
): Promise<number> {
  const moments = norms.map(({ mean }) => new ChannelMoments(mean.length));
  for await (const results of runs(session, options, candidate, options.samples.pixels)) {
    for (const [i, { value }] of norms.entries()) moments[i]!.add(results.get(value)!);
  }
  const each = norms.map(({ mean, variance }, i) => moments[i]!.divergenceFrom(mean, variance));
  return each.reduce((sum, x) => sum + x, 0) / each.length;
}

/** Mean and variance of each channel of `[batch, channels, ...]`. */
class ChannelMoments {
  readonly #sum: Float64Array;
  readonly #squares: Float64Array;
  #count = 0;

  constructor(channels: number) {
    this.#sum = new Float64Array(channels);
    this.#squares = new Float64Array(channels);
  }

  add({ data, dims }: OnnxResult): void {
    const [batch = 0, channels = 0] = dims;
    const area = batch * channels === 0 ? 0 : data.length / (batch * channels);
    for (let plane = 0; plane < batch * channels; plane++) {
      const channel = plane % channels;
      for (let i = plane * area; i < (plane + 1) * area; i++) {
        this.#sum[channel]! += data[i]!;
        this.#squares[channel]! += data[i]! ** 2;
      }
    }
    this.#count += batch * area;
  }

  divergenceFrom(mean: Float32Array, variance: Float32Array): number {
    let total = 0;
    for (let c = 0; c < mean.length; c++) {
      const measured = this.#sum[c]! / this.#count;
      const spread = Math.max(0, this.#squares[c]! / this.#count - measured ** 2);
      // Channels that never change have no variance to divide by.
      const tiny = 1e-5 * Math.max(1, mean[c]! ** 2);
      const ratio = (spread + tiny) / (variance[c]! + tiny);
      const shift = (measured - mean[c]!) ** 2 / (variance[c]! + tiny);
      total += Math.min(MOST, (ratio + shift - 1 - Math.log(ratio)) / 2);
    }
    return total / mean.length;
  }
}
