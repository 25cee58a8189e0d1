import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { rawDecoder, rawFaces } from '../testing/raw-faces.fixture.ts';
import { verifyImages } from '../verification/verify-images.ts';
import { type EmbedOptions, embedImages } from './embed.ts';

const size = { height: 4, width: 6 };
const batches: number[] = [];

/** A network whose three outputs are the mean red of the image, of its left half and of its right half. */
const backbone: EmbedOptions['backbone'] = {
  inputShape: [4, 6, 3],
  embeddingSize: 3,
  apply(images) {
    batches.push(images.shape[0]);
    return tf.tidy(() => {
      const red = tf.slice(images, [0, 0, 0, 0], [-1, -1, -1, 1]);
      const half = (from: number, width: number) =>
        tf.mean(tf.slice(red, [0, 0, from, 0], [-1, -1, width, -1]), [1, 2, 3]);
      return tf.stack([half(0, 6), half(0, 3), half(3, 3)], 1) as tf.Tensor2D;
    });
  },
};

beforeAll(async () => {
  await tf.setBackend(testBackends('cpu')[0]);
});

/** The same means, worked out from the record's bytes. */
async function expectedRow(dataset: ReturnType<typeof rawFaces>, position: number): Promise<number[]> {
  const { bytes } = await dataset.read(position);
  const half = (columns: number[]) => {
    const values = [0, 1, 2, 3].flatMap((y) => columns.map((x) => bytes[(y * 6 + x) * 3]!));
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  return [half([0, 1, 2, 3, 4, 5]), half([0, 1, 2]), half([3, 4, 5])];
}

test('gives a row an image in data order, in batches of one size', async () => {
  const dataset = rawFaces({ identities: 5, imagesPerIdentity: 2, ...size });
  batches.length = 0;
  const progress: number[] = [];
  const { embeddings, dimensions, failed, xnorm } = await embedImages({
    backbone,
    dataset,
    decoder: rawDecoder,
    batchSize: 4,
    onProgress: ({ done, total }) => progress.push(done / total),
  });
  expect(batches).toEqual([4, 4, 4]);
  expect(progress).toEqual([0.4, 0.8, 1]);
  expect(dimensions).toBe(3);
  expect(failed).toEqual([]);
  let norms = 0;
  for (let i = 0; i < 10; i++) {
    const row = await expectedRow(dataset, i);
    row.forEach((value, d) => {
      expect(embeddings[i * 3 + d]).toBeCloseTo(value, 3);
    });
    norms += Math.hypot(...row);
  }
  expect(xnorm).toBeCloseTo(norms / 10, 3);
});

test('flip adds the embedding of the mirror image', async () => {
  const dataset = rawFaces({ identities: 3, imagesPerIdentity: 1, ...size });
  const { embeddings } = await embedImages({
    backbone,
    dataset,
    decoder: rawDecoder,
    batchSize: 2,
    flip: true,
  });
  for (let i = 0; i < 3; i++) {
    const [all, left, right] = await expectedRow(dataset, i);
    expect(embeddings[i * 3]).toBeCloseTo(2 * all!, 3);
    expect(embeddings[i * 3 + 1]).toBeCloseTo(left! + right!, 3);
    expect(embeddings[i * 3 + 2]).toBeCloseTo(left! + right!, 3);
  }
});

test('an image that cannot be decoded has a row of zeros and is listed', async () => {
  const dataset = rawFaces({ identities: 3, imagesPerIdentity: 2, ...size, undecodable: [1, 5] });
  const { embeddings, failed } = await embedImages({ backbone, dataset, decoder: rawDecoder, batchSize: 3 });
  expect(failed).toMatchObject([
    { key: 2, position: 1, reason: 'not a raw image: 5 bytes' },
    { key: 6, position: 5 },
  ]);
  const zero = [0, 1, 2, 3, 4, 5].filter((i) =>
    embeddings.subarray(3 * i, 3 * i + 3).every((value) => value === 0),
  );
  expect(zero).toEqual([1, 5]);
});

test('leaves no tensor behind', async () => {
  const dataset = rawFaces({ identities: 3, imagesPerIdentity: 2, ...size });
  const before = tf.memory().numTensors;
  await embedImages({ backbone, dataset, decoder: rawDecoder, batchSize: 4, flip: true });
  expect(tf.memory().numTensors).toBe(before);
});

test('refuses an empty dataset and one in which nothing can be decoded; passes a read error on', async () => {
  const empty = rawFaces({ identities: 0, imagesPerIdentity: 1, ...size });
  await expect(embedImages({ backbone, dataset: empty, decoder: rawDecoder })).rejects.toMatchObject({
    code: 'invalid-dataset',
  });
  const broken = rawFaces({ identities: 1, imagesPerIdentity: 2, ...size, undecodable: [0, 1] });
  await expect(embedImages({ backbone, dataset: broken, decoder: rawDecoder })).rejects.toMatchObject({
    code: 'nothing-decodable',
    keys: [1, 2],
  });
  const unreadable = { ...broken, read: () => Promise.reject(new Error('disk gone')) };
  await expect(embedImages({ backbone, dataset: unreadable, decoder: rawDecoder })).rejects.toThrow(
    'disk gone',
  );
});

test('refuses to read nothing at once, rather than wait for ever', async () => {
  const dataset = rawFaces({ identities: 1, imagesPerIdentity: 1, ...size });
  for (const concurrency of [0, Number.NaN])
    await expect(embedImages({ backbone, dataset, decoder: rawDecoder, concurrency })).rejects.toMatchObject({
      code: 'invalid-option',
    });
});

test('can be aborted', async () => {
  const dataset = rawFaces({ identities: 3, imagesPerIdentity: 2, ...size });
  const controller = new AbortController();
  const embedding = embedImages({
    backbone,
    dataset,
    decoder: rawDecoder,
    batchSize: 2,
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('enough')),
  });
  await expect(embedding).rejects.toThrow('enough');
});

test('verifies pairs of images, and leaves out those that cannot be decoded', async () => {
  // Two images an identity, in order: pair i is the two images of identity i, except that the last four are mixed up.
  const dataset = rawFaces({ identities: 8, imagesPerIdentity: 2, ...size, undecodable: [3] });
  const order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 9, 11, 12, 14, 13, 15];
  const images = { length: 16, read: (position: number) => dataset.read(order[position]!) };
  const isSame = [true, true, true, true, false, false, false, false];
  const result = await verifyImages({
    backbone,
    images,
    isSame,
    decoder: rawDecoder,
    batchSize: 5,
    folds: 1,
  });
  expect(result).toMatchObject({ pairs: 7, same: 3, leftOut: [1] });
  expect(result.accuracy).toBeGreaterThan(0.5);
  await expect(
    verifyImages({ backbone, images, isSame: isSame.slice(1), decoder: rawDecoder }),
  ).rejects.toMatchObject({ code: 'invalid-pairs' });
});
