import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FaceDataset } from '@arcface/recordio';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useBackend } from '../backend.ts';
import { EmbeddingStore } from './embedding-store.ts';
import { surveyChunks } from './survey.ts';

const IMAGES = 23;
const SIDE = 4;
let folder: string;
const at = (name: string) => join(folder, name);
let decoded: number[] = [];

/** Image i is one byte, i; image 9 cannot be decoded. */
const dataset: FaceDataset = {
  length: IMAGES,
  labels: Int32Array.from({ length: IMAGES }, (_, i) => i % 3),
  identities: [],
  key: (i) => `image-${i}`,
  read: async (i) => ({ key: `image-${i}`, label: i % 3, bytes: Uint8Array.of(i) }),
  close: async () => {},
};
const decoder = {
  async decode(bytes: Uint8Array) {
    decoded.push(bytes[0]!);
    if (bytes[0] === 9) throw new Error('not an image');
    return Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (bytes[0]! * 37 + i * i) % 256);
  },
};
const backbone = {
  inputShape: [SIDE, SIDE, 3] as [number, number, number],
  embeddingSize: 3,
  apply: (images: tf.Tensor4D) => tf.mean(images, [1, 2]) as tf.Tensor2D,
};

const open = (directory: string, model = 'model') =>
  EmbeddingStore.open({ directory: at(directory), dataset, model: at(model), chunkImages: 5 });
const fill = async (
  directory: string,
  shard?: { index: number; count: number },
  signal = new AbortController().signal,
) => (await open(directory)).fill({ backbone, decoder, batchSize: 4, shard, signal, onProgress: () => {} });
const files = (directory: string) =>
  readdirSync(at(directory))
    .sort()
    .map((name) => [name, readFileSync(join(at(directory), name)).toString('base64')]);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-store-'));
  writeFileSync(at('model'), 'a network');
  writeFileSync(at('other'), 'another network');
  await useBackend({ backend: 'onnxruntime', threads: 1 });
  expect(await fill('whole')).toBe(IMAGES);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('embeddings on disk', () => {
  test('have every image once, and say which cannot be decoded', async () => {
    const store = await open('whole');
    const seen: number[] = [];
    for (let chunk = 0; chunk < store.chunks; chunk++) {
      const { start, images, embeddings, failed, digests } = await store.read(chunk);
      for (let i = 0; i < images; i++) {
        seen.push(start + i);
        expect(Number.isNaN(embeddings[3 * i])).toBe(start + i === 9);
      }
      expect(digests.length).toBe(32 * images);
      expect(failed.map(({ position }) => position)).toEqual(start === 5 ? [9] : []);
    }
    expect(seen).toEqual(Array.from({ length: IMAGES }, (_, i) => i));
  });

  test('are the same bytes when several make them, in any order', async () => {
    for (const index of [2, 0, 1]) await fill('shards', { index, count: 3 });
    expect(files('shards')).toEqual(files('whole'));
  });

  test('are not made again: what a run that was ended left is used, its half-written chunk is not', async () => {
    mkdirSync(at('ended'));
    for (const chunk of ['00000000', '00000003']) {
      const name = `chunk-${chunk}.safetensors`;
      writeFileSync(join(at('ended'), name), readFileSync(join(at('whole'), name)));
    }
    writeFileSync(join(at('ended'), 'chunk-00000001.safetensors.partial-1'), 'half');
    decoded = [];
    expect(await fill('ended')).toBe(IMAGES - 10);
    expect(decoded.toSorted((a, b) => a - b)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 20, 21, 22]);
    expect(files('ended').filter(([name]) => !name!.includes('partial'))).toEqual(files('whole'));
  });

  test('of another network, or damaged, are refused', async () => {
    await expect((await open('whole', 'other')).read(0)).rejects.toThrow(
      /was made by another network\. Remove/,
    );
    mkdirSync(at('damaged'));
    writeFileSync(join(at('damaged'), 'chunk-00000000.safetensors'), 'x');
    await expect((await open('damaged')).read(0)).rejects.toThrow(/cannot be read as embeddings/);
  });

  test.each([
    ['under its key', 5],
    ['where one could not be decoded', 9],
  ])('of another image %s are refused', async (_, changed) => {
    const other = {
      ...dataset,
      read: async (i: number) => ({
        ...(await dataset.read(i)),
        bytes: Uint8Array.of(i === changed ? 99 : i),
      }),
    };
    const store = await EmbeddingStore.open({
      directory: at('whole'),
      dataset: other,
      model: at('model'),
      chunkImages: 5,
    });
    const { signal } = new AbortController();
    await expect(
      store.fill({ backbone, decoder, batchSize: 4, signal, onProgress: () => {} }),
    ).rejects.toThrow(
      `chunk-00000001.safetensors has the embedding of another image under the key "image-${changed}". Remove`,
    );
  });

  test('that are no numbers are named by their image', async () => {
    const dark = {
      decode: async (bytes: Uint8Array) =>
        (await decoder.decode(bytes)).map((v) => v * Number(bytes[0] !== 7)),
    };
    const byItself = {
      ...backbone,
      apply: (images: tf.Tensor4D) => tf.div(tf.mean(images, [1, 2]), tf.mean(images, [1, 2])) as tf.Tensor2D,
    };
    const store = await open('dark');
    await store.fill({
      backbone: byItself,
      decoder: dark,
      batchSize: 4,
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    await expect(surveyChunks(store, dataset)).rejects.toThrow(
      /embedding of image "image-7" is not all finite numbers: number 0 is NaN/,
    );
  });

  test('stop when asked to, and keep the chunks that are whole', async () => {
    const controller = new AbortController();
    const store = await open('stopped');
    const stopped = store.fill({
      backbone,
      decoder,
      batchSize: 5,
      signal: controller.signal,
      onProgress: (done) => {
        if (done >= 10) controller.abort();
      },
    });
    await expect(stopped).rejects.toThrow(/abort/i);
    expect(files('stopped')).toEqual(files('whole').slice(0, files('stopped').length));
    expect(store.missing().length).toBeGreaterThan(0);
  });
});
