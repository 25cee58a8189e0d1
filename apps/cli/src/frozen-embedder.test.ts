import { type Backbone, createBackbone, inferenceBackbone } from '@arcface/backbones';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { useBackend } from './backend.ts';
import { frozenEmbedder, tracedOnce } from './frozen-embedder.ts';

const BATCH = 4;
const SIDE = 32;

beforeAll(() => useBackend({ backend: 'onnxruntime', threads: 1 }));

function network(): Backbone {
  const trained = createBackbone({ network: 'r8-narrow', inputSize: SIDE, embeddingSize: 16 }, { seed: 3 });
  const backbone = inferenceBackbone(trained);
  trained.dispose();
  return backbone;
}

const batches = Array.from({ length: 7 }, (_, n) =>
  Uint8Array.from({ length: BATCH * SIDE * SIDE * 3 }, (_, i) => ((i + n) * 7919) % 256),
);

test('threads give, batch by batch, what one gives, and the network that they took the place of is gone', async () => {
  const alone = await tracedOnce(network());
  const before = tf.memory().numTensors;
  const threads = await frozenEmbedder(network(), { backend: 'onnxruntime', threads: 2, images: 5000 });
  if (!('embed' in threads)) throw new Error('it is no embedder');
  expect(threads).toMatchObject({ batchesAtOnce: 2, inputShape: alone.inputShape, embeddingSize: 16 });
  const rows = await Promise.all(batches.map((pixels) => threads.embed(pixels, BATCH)));
  for (const [i, pixels] of batches.entries()) expect(rows[i]).toEqual(await alone.embed(pixels, BATCH));
  expect(new Set(rows.map((row) => row.join())).size).toBe(batches.length);
  expect(tf.memory().numTensors).toBe(before);
  await threads.close?.();
});

test.each([
  ['one thread', { backend: 'onnxruntime', threads: 1, images: 5000 }],
  ['few images', { backend: 'onnxruntime', threads: 2, images: 50 }],
  ['a GPU', { backend: 'onnxruntime:webgpu', threads: 2, images: 5000 }],
  ['images that nobody has counted', { backend: 'onnxruntime', threads: 2 }],
] as const)('no thread is started for %s', async (_, options) => {
  const embedder = await frozenEmbedder(network(), options);
  expect(embedder).not.toHaveProperty('batchesAtOnce');
  expect(embedder).not.toHaveProperty('close');
});

test('threads that nothing was embedded in need not be ended', async () => {
  const threads = await frozenEmbedder(network(), { backend: 'onnxruntime', threads: 2, images: 5000 });
  await threads.close?.();
});
