import fc from 'fast-check';
import sharp, { type JpegOptions } from 'sharp';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { decodePlainJpeg } from './plain-jpeg.ts';

const HEIGHT = 40;
const WIDTH = 56;
const SIZE = { height: HEIGHT, width: WIDTH };
/** Smooth colours with noise on them: every coefficient of a block occurs. */
const picture = Uint8Array.from({ length: HEIGHT * WIDTH * 3 }, (_, i) => {
  const [x, y] = [Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH)];
  return 128 + 60 * Math.sin((x + (i % 3) * 9) / 7) + 40 * Math.cos(y / 5) + ((i * 7919) % 23);
});
const drawn = () => sharp(picture, { raw: { ...SIZE, channels: 3 } });
const bySharp = async (jpeg: Uint8Array) => new Uint8Array(await sharp(jpeg).raw().toBuffer());

let jpeg: Uint8Array;
beforeAll(async () => {
  jpeg = await drawn().jpeg({ quality: 90 }).toBuffer();
});

describe('a plain JPEG has the pixels that sharp gives', () => {
  test.each<JpegOptions>([
    { quality: 95 },
    { quality: 20 },
    { quality: 100, chromaSubsampling: '4:4:4' },
    { quality: 80, chromaSubsampling: '4:2:0', optimiseCoding: false },
    { quality: 75, trellisQuantisation: true, overshootDeringing: true, quantisationTable: 3 },
  ])('%o', async (options) => {
    const file = await drawn().jpeg(options).toBuffer();
    expect(await decodePlainJpeg(file, SIZE)).toEqual(await bySharp(file));
  });
});

describe('left to sharp is', () => {
  test.each<[string, () => Promise<Uint8Array>]>([
    ['a progressive one', () => drawn().jpeg({ progressive: true }).toBuffer()],
    ['a grey one', () => drawn().toColourspace('b-w').jpeg().toBuffer()],
    ['one in four colours', () => drawn().toColourspace('cmyk').jpeg().toBuffer()],
    ['one with EXIF data', () => drawn().withMetadata({ orientation: 6 }).jpeg().toBuffer()],
    ['one of another size', () => drawn().resize(HEIGHT, WIDTH).jpeg().toBuffer()],
    ['a PNG', () => drawn().png().toBuffer()],
    ['nothing', async () => new Uint8Array()],
    ['its first byte', async () => jpeg.subarray(0, 1)],
    ['its head', async () => jpeg.subarray(0, 200)],
    ['all but its end', async () => jpeg.subarray(0, jpeg.length - 200)],
  ])('%s', async (_, file) => {
    expect(await decodePlainJpeg(await file(), SIZE)).toBeUndefined();
  });
});

test('damage gives a whole image or none, and never one where sharp finds it broken', async () => {
  const change = fc.tuple(fc.nat({ max: jpeg.length - 1 }), fc.integer({ min: 0, max: 255 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 2, max: jpeg.length }),
      async (changes, length) => {
        const damaged = Uint8Array.from(jpeg);
        for (const [at, value] of changes) damaged[at] = value;
        const file = damaged.subarray(0, length);
        const pixels = await decodePlainJpeg(file, SIZE);
        if (pixels === undefined) return;
        expect(pixels).toHaveLength(picture.length);
        await bySharp(file);
      },
    ),
    { numRuns: 200, seed: 1 },
  );
});

test('as many broken files as a codec has memory for do not use it up', async () => {
  const broken = jpeg.subarray(0, jpeg.length - 100);
  for (let i = 0; i < 4500; i++) expect(await decodePlainJpeg(broken, SIZE)).toBeUndefined();
  expect(await decodePlainJpeg(jpeg, SIZE)).toEqual(await bySharp(jpeg));
});

test('everything is left to sharp where the codec cannot be loaded', async () => {
  vi.resetModules();
  vi.doMock('node:module', () => ({
    createRequire: () => () => () => Promise.reject(new Error('WebAssembly is not allowed')),
  }));
  const { sharpDecoder } = await import('./decode.ts');
  const pixels = await sharpDecoder.decode(jpeg, SIZE);
  vi.doUnmock('node:module');
  expect(new Uint8Array(pixels)).toEqual(await bySharp(jpeg));
});
