/**
 * What turns images into embeddings and is not trained while it does: a backbone of this project, or a model in a runtime
 * of its own, such as somebody else's ONNX file.
 */
import type { Backbone } from '@arcface/backbones';
import * as tf from '@tensorflow/tfjs-core';

/** As much of a backbone as embedding needs. */
export type EmbeddingBackbone = Pick<Backbone, 'inputShape' | 'embeddingSize' | 'apply'>;

/** A frozen network, wherever it runs. */
export interface Embedder {
  /** Height, width and channels of an image. */
  readonly inputShape: readonly [number, number, number];
  readonly embeddingSize: number;
  /** Batches that it may be given before the first of them is embedded, where it embeds several at a time. Default 1. */
  readonly batchesAtOnce?: number;
  /**
   * Embeds a batch.
   *
   * @param pixels RGB bytes, row-major `[batch, height, width, 3]`; the caller may reuse them when the batch is embedded
   * @returns row-major `[batch, embeddingSize]`, not normalised
   */
  embed(pixels: Uint8Array, batch: number): Promise<Float32Array>;
}

/** A backbone as an embedder. */
export function embedderOf(network: EmbeddingBackbone | Embedder): Embedder {
  if ('embed' in network) return network;
  const { inputShape, embeddingSize } = network;
  return { inputShape, embeddingSize, embed: (pixels, batch) => forward(network, pixels, batch) };
}

async function forward(
  backbone: EmbeddingBackbone,
  pixels: Uint8Array,
  batch: number,
): Promise<Float32Array> {
  const output = tf.tidy(() =>
    backbone.apply(tf.tensor4d(new Float32Array(pixels), [batch, ...backbone.inputShape])),
  );
  try {
    return await output.data<'float32'>();
  } finally {
    output.dispose();
  }
}
