/**
 * Embeds made-up images in a process of its own that ends in the middle: `killed-embedding.fixture.ts DIRECTORY MODEL IMAGE` kills itself as it
 * decodes that image, by a signal that no handler sees.
 */
import type { FaceDataset } from '@arcface/recordio';
import * as tf from '@tensorflow/tfjs-core';
import { useBackend } from '../backend.ts';
import { EmbeddingStore } from './embedding-store.ts';

const IMAGES = 60;
const SIDE = 4;

/** Image i is one byte, i. */
const dataset: FaceDataset = {
  length: IMAGES,
  labels: Int32Array.from({ length: IMAGES }, (_, i) => i % 3),
  identities: [],
  key: (i) => `image-${i}`,
  read: async (i) => ({ key: `image-${i}`, label: i % 3, bytes: Uint8Array.of(i) }),
  close: async () => {},
};

/** Embeds what is missing in a folder, in chunks of six; `onImage` is told of every image that is decoded. */
export async function embedMadeUpImages(
  directory: string,
  model: string,
  onImage: (image: number) => void,
): Promise<void> {
  await useBackend({ backend: 'onnxruntime', threads: 1 });
  const store = await EmbeddingStore.open({ directory, dataset, model, chunkImages: 6 });
  await store.fill({
    backbone: {
      inputShape: [SIDE, SIDE, 3],
      embeddingSize: 3,
      apply: (images: tf.Tensor4D) => tf.mean(images, [1, 2]) as tf.Tensor2D,
    },
    decoder: {
      async decode(bytes: Uint8Array) {
        onImage(bytes[0]!);
        return Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (bytes[0]! * 37 + i * i) % 256);
      },
    },
    batchSize: 4,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
}

const [, script, directory, model, last] = process.argv;
if (script?.includes('killed-embedding') && directory && model) {
  await embedMadeUpImages(directory, model, (image) => {
    if (image === Number(last)) process.kill(process.pid, 'SIGKILL');
  });
}
