/**
 * A network that is only to embed, on the backend that is bound. ONNX Runtime's is traced once for all batches (MobileFaceNet takes a
 * sixth longer when it is traced for each), and a small network embeds several batches at a time, in threads.
 */
import { availableParallelism } from 'node:os';
import { type Backbone, exportParameters, type NamedArray, type NetworkGraph } from '@arcface/backbones';
import type { Embedder } from '@arcface/trainer';
import { type EmbeddingThreads, startEmbeddingThreads } from '@arcface/trainer/node';
import * as tf from '@tensorflow/tfjs-core';

export interface FrozenEmbedderOptions {
  /** As the user has it. */
  readonly backend?: string | undefined;
  /** Threads that may compute. Default: a core each. */
  readonly threads?: number | undefined;
  /** How many images there are to embed, where that is known. */
  readonly images?: number | undefined;
}

/** What an embedding thread starts with. */
export interface EmbeddingThreadData {
  readonly graph: NetworkGraph;
  readonly parameters: readonly NamedArray[];
  /** Threads inside an operation. */
  readonly threads: number;
}

/** With fewer, what threads gain goes into starting them: 1,537 took as long with as without (MobileFaceNet, two cores). */
const FEWEST_IMAGES = 2000;
/** Every thread has its own copy. The operators of a larger network keep several cores busy, a batch at a time. */
const LARGEST_NETWORK = 64 * 2 ** 20;
/** One thread reads and decodes for all: more than so many would wait for it. */
const MOST_THREADS = 8;
const ON_A_CPU = new Set(['onnxruntime', 'onnxruntime:cpu']);

/** From the sources a thread runs the source, from a build what was built. */
const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './embedding-thread.ts' : './embedding-thread.js',
  import.meta.url,
);

/** A network with, where it has threads, what ends them. */
export type FrozenEmbedder = (Backbone | Embedder) & { close?(): Promise<void> };

/** @param backbone is this function's: its parameters are disposed of when they are not needed any more */
export async function frozenEmbedder(
  backbone: Backbone,
  { backend = '', threads = availableParallelism(), images = 0 }: FrozenEmbedderOptions,
): Promise<FrozenEmbedder> {
  if (tf.getBackend() !== 'onnxruntime') return backbone;
  const parameters = [...backbone.parameters.values()];
  const bytes = 4 * parameters.reduce((sum, { variable }) => sum + variable.size, 0);
  if (!ON_A_CPU.has(backend) || threads < 2 || images < FEWEST_IMAGES || bytes > LARGEST_NETWORK)
    return tracedOnce(backbone);
  const size = Math.min(threads, MOST_THREADS);
  return inThreads(backbone, { size, threads: Math.floor(threads / size) });
}

/** Threads are started for the first batch: it may be that all is embedded. */
function inThreads(
  backbone: Backbone,
  { size, threads }: { readonly size: number; readonly threads: number },
): Embedder & { close(): Promise<void> } {
  const { inputShape, embeddingSize, graph } = backbone;
  let started: Promise<EmbeddingThreads> | undefined;
  const start = (): Promise<EmbeddingThreads> => {
    const data: EmbeddingThreadData = { graph, parameters: exportParameters(backbone), threads };
    backbone.dispose();
    return startEmbeddingThreads({ size, script: SCRIPT, data });
  };
  return {
    inputShape,
    embeddingSize,
    batchesAtOnce: size,
    async embed(pixels, batch) {
      started ??= start();
      return (await started).embed(pixels, batch);
    },
    async close() {
      await (await started)?.close();
    },
  };
}

/** @param backbone of which neither parameters nor anything else change from here on */
export async function tracedOnce(backbone: Backbone): Promise<Embedder> {
  const { capture } = await import('tfjs-backend-onnxruntime');
  const { inputShape, embeddingSize } = backbone;
  const captured = new Map<number, ReturnType<typeof capture>>();
  return {
    inputShape,
    embeddingSize,
    async embed(pixels, batch) {
      let inference = captured.get(batch);
      if (inference === undefined) {
        const shape = [batch, ...inputShape];
        inference = capture(shape, (images) => backbone.apply(images as tf.Tensor4D));
        captured.set(batch, inference);
      }
      return inference.run(pixels) as Float32Array;
    },
  };
}
