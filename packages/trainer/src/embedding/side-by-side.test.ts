import { expect, test } from 'vitest';
import { TrainingError } from '../training-error.ts';
import type { Embedder } from './embedder.ts';
import { sideBySide } from './side-by-side.ts';

/** Gives, for every image, its first pixels times a factor. */
function firstPixels(embeddingSize: number, factor: number, inputShape = [1, 4, 3] as const): Embedder {
  return {
    inputShape,
    embeddingSize,
    embed(pixels, batch) {
      const size = pixels.length / batch;
      return Promise.resolve(
        Float32Array.from(
          { length: batch * embeddingSize },
          (_, at) => factor * pixels[Math.floor(at / embeddingSize) * size + (at % embeddingSize)]!,
        ),
      );
    },
  };
}

const PIXELS = Uint8Array.from({ length: 2 * 12 }, (_, i) => 1 + ((i * 37) % 50));

test('rows are those of each network, of length one, in the order of the networks', async () => {
  const joined = sideBySide([firstPixels(2, 1), firstPixels(3, -70)]);
  expect(joined).toMatchObject({ inputShape: [1, 4, 3], embeddingSize: 5 });
  const rows = await joined.embed(PIXELS, 2);
  const expected = [0, 12].flatMap((at) =>
    [
      [2, 1],
      [3, -70],
    ].flatMap(([size, sign]) => {
      const row = [...PIXELS.subarray(at, at + size!)];
      return row.map((value) => (Math.sign(sign!) * value) / Math.hypot(...row));
    }),
  );
  expect(rows).toHaveLength(10);
  rows.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 6);
  });
});

test('the cosine of two images is the mean of what the networks say', async () => {
  const networks = [firstPixels(2, 3), firstPixels(7, 1), firstPixels(5, -1)];
  const cosine = async (embedder: Embedder) => {
    const rows = await embedder.embed(PIXELS, 2);
    const size = embedder.embeddingSize;
    const [a, b] = [rows.subarray(0, size), rows.subarray(size)];
    return a.reduce((sum, value, d) => sum + value * b[d]!, 0) / Math.hypot(...a) / Math.hypot(...b);
  };
  const each = await Promise.all(networks.map(cosine));
  expect(await cosine(sideBySide(networks))).toBeCloseTo(each.reduce((sum, value) => sum + value, 0) / 3, 6);
});

test('a row of zeros stays one', async () => {
  const rows = await sideBySide([firstPixels(2, 0), firstPixels(2, 1)]).embed(PIXELS, 2);
  expect([...rows.subarray(0, 2)].map(Math.abs)).toEqual([0, 0]);
});

test('refuses no network, and other sizes of images', () => {
  const refusal = (networks: readonly Embedder[]) => {
    try {
      sideBySide(networks);
    } catch (error) {
      return error instanceof TrainingError ? `${error.code}: ${error.message}` : error;
    }
    return undefined;
  };
  expect(refusal([])).toMatch('invalid-option: There is no network');
  expect(refusal([firstPixels(2, 1), firstPixels(2, 1, [2, 4, 3] as never)])).toMatch(
    /1x4x3 and another 2x4x3/,
  );
});
