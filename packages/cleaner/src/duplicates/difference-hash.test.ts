import fc from 'fast-check';
import { expect, it } from 'vitest';
import { differenceHash, HASH_BYTES } from './difference-hash.ts';

const side = fc.integer({ min: 1, max: 130 });
const byte = fc.integer({ min: 0, max: 255 });

it('sees no edge in an image of one colour, whatever its size', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 9, max: 130 }),
      side,
      fc.tuple(byte, byte, byte),
      (width, height, colour) => {
        const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => colour[i % 3]!);
        expect(differenceHash(pixels, { width, height })).toEqual(new Uint8Array(HASH_BYTES));
      },
    ),
  );
});

it('sees where it gets brighter to the right, in each channel, in rows of regions from the top', () => {
  const [width, height] = [90, 80];
  for (const channel of [0, 1, 2]) {
    const pixels = new Uint8Array(width * height * 3);
    // The third row of regions gets brighter between its fourth and its fifth region.
    for (let y = 20; y < 30; y++) for (let x = 40; x < width; x++) pixels[(y * width + x) * 3 + channel] = 9;
    expect(differenceHash(pixels, { width, height })).toEqual(Uint8Array.of(0, 0, 1 << 3, 0, 0, 0, 0, 0));
  }
});
