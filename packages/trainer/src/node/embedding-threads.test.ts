import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleProgram } from '@arcface-tooling/programs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { embedImages } from '../embedding/embed.ts';
import { rawDecoder, rawFaces } from '../testing/raw-faces.fixture.ts';
import { startEmbeddingThreads } from './embedding-threads.ts';

let folder: string;
let script: URL;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-embedding-'));
  script = pathToFileURL(
    await bundleProgram(new URL('./embedding-threads.fixture.ts', import.meta.url), folder),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

test('divides batches among threads, and gives rows in data order', async () => {
  const threads = await startEmbeddingThreads({ size: 2, script, data: {} });
  expect(threads).toMatchObject({ inputShape: [1, 2, 3], embeddingSize: 2, batchesAtOnce: 2 });
  const dataset = rawFaces({ identities: 3, imagesPerIdentity: 7, height: 1, width: 2 });
  const done: number[] = [];
  const { embeddings, xnorm } = await embedImages({
    backbone: threads,
    dataset,
    decoder: rawDecoder,
    batchSize: 2,
    onProgress: (progress) => done.push(progress.done),
  });
  const firsts = await Promise.all(
    Array.from({ length: 21 }, async (_, i) => (await dataset.read(i)).bytes[0]!),
  );
  expect(firsts).toEqual(Array.from({ length: 21 }, (_, i) => embeddings[2 * i]));
  expect(done).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 21]);
  expect(xnorm).toBeGreaterThan(0);
  // Asked at once, they answer each for itself.
  const both = await Promise.all([1, 2].map((pixel) => threads.embed(new Uint8Array(6).fill(pixel), 1)));
  expect(both.map(([pixel]) => pixel)).toEqual([1, 2]);
  expect(new Set(both.map(([, thread]) => thread)).size).toBe(2);
  await threads.close();
  await expect(threads.embed(new Uint8Array(6), 1)).rejects.toMatchObject({ code: 'embedding-failed' });
});

test.each([
  ['on work', 'no memory'],
  ['exit', 'has ended'],
] as const)('a thread that fails (%s) fails the work, and nothing hangs', async (mischief, message) => {
  const threads = await startEmbeddingThreads({ size: 2, script, data: { mischief } });
  const dataset = rawFaces({ identities: 2, imagesPerIdentity: 9, height: 1, width: 2 });
  await expect(
    embedImages({ backbone: threads, dataset, decoder: rawDecoder, batchSize: 2 }),
  ).rejects.toMatchObject({ code: 'embedding-failed', message: expect.stringContaining(message) });
  await threads.close();
});

test('a script that fails is told of', async () => {
  await expect(
    startEmbeddingThreads({ size: 2, script, data: { mischief: 'on start' } }),
  ).rejects.toMatchObject({
    code: 'embedding-failed',
    message: expect.stringContaining('no such network'),
  });
});
