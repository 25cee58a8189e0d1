import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AugmentationOptions } from '../data/augmentation.ts';
import { type Batch, DataLoader } from '../data/data-loader.ts';
import { decodeImage, type ImageDecoder } from '../data/image-decoder.ts';
import { rawFaces } from '../testing/raw-faces.fixture.ts';
import { recompressingDecoder } from '../testing/recompressing-decoder.fixture.ts';
import { type DecodingThread, startDecodingThread } from './decoding-thread.ts';

const size = { height: 6, width: 4 };
const script = new URL('./decoding-thread.fixture.ts', import.meta.url);
let thread: DecodingThread;

beforeAll(async () => {
  thread = await startDecodingThread({ script });
});
afterAll(() => thread.close());

async function batches(decoder: ImageDecoder, augmentation: AugmentationOptions) {
  const dataset = rawFaces({ identities: 5, imagesPerIdentity: 4, ...size, undecodable: [2, 9] });
  const loader = new DataLoader({ dataset, decoder, size, batchSize: 6, seed: 3, augmentation });
  const all: Batch[] = [];
  for await (const batch of loader.batches(undefined, { epochs: 3 })) all.push(batch);
  return { all, undecodable: loader.undecodable };
}

test.each<[string, AugmentationOptions]>([
  ['nothing', { mirror: 0 }],
  ['everything', { mirror: 0.5, shift: 2, crop: 0.2, recompression: 0.5, brightness: 0.3, contrast: 0.2, saturation: 0.1, cutoff: 2 }], // biome-ignore format: a row
])('gives the batches that decoding here gives: %s', async (_, augmentation) => {
  const here = await batches(recompressingDecoder, augmentation);
  expect(await batches(thread.decoder, augmentation)).toEqual(here);
  expect(here.undecodable.length).toBe(2);
});

test('leaves the memory that it is given as it is, also a view of a larger one', async () => {
  const block = Uint8Array.from({ length: 100 }, (_, i) => i);
  const image = block.subarray(10, 10 + 72);
  expect([...(await thread.decoder.decode(image, size))]).toEqual([...image]);
  expect([...block]).toEqual(Array.from({ length: 100 }, (_, i) => i));
});

test('a thread that ends is an error of the run, not a dataset of images that cannot be decoded', async () => {
  const other = await startDecodingThread({ script });
  await expect(other.decoder.recompress!(new Uint8Array(72), size, 101)).rejects.toThrow(
    expect.objectContaining({
      code: 'invalid-decoder',
      message: 'The thread that decodes images has ended.',
    }),
  );
  const dataset = rawFaces({ identities: 1, imagesPerIdentity: 1, ...size });
  await expect(decodeImage({ dataset, decoder: other.decoder, size }, 0)).rejects.toThrow(
    expect.objectContaining({ code: 'invalid-decoder' }),
  );
  await other.close();
});

test('a script that fails is told', async () => {
  const missing = new URL('./there-is-none.ts', import.meta.url);
  await expect(startDecodingThread({ script: missing })).rejects.toThrow(/has failed: .*there-is-none/s);
});

test('finishes what it was asked for before it ends', async () => {
  const other = await startDecodingThread({ script });
  const asked = Array.from({ length: 50 }, () => other.decoder.decode(new Uint8Array(72), size));
  await other.close();
  expect((await Promise.all(asked)).every((pixels) => pixels.length === 72)).toBe(true);
});
