/**
 * A network that is only to embed, on the backend that is bound. ONNX Runtime's is traced once for all batches: a small network takes
 * a twentieth longer when it is traced for each.
 */
import type { Backbone } from '@arcface/backbones';
import type { Embedder } from '@arcface/trainer';
import * as tf from '@tensorflow/tfjs-core';

/** @param backbone of which neither parameters nor anything else change from here on */
export async function frozenEmbedder(backbone: Backbone): Promise<Backbone | Embedder> {
  if (tf.getBackend() !== 'onnxruntime') return backbone;
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
