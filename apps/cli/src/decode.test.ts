import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { sharpDecoder } from './decode.ts';

const SIDE = 24;
/** A red corner at the top left, green at the top right, the rest black. */
const picture = new Uint8Array(SIDE * SIDE * 3);
for (let y = 0; y < SIDE / 2; y++) {
  for (let x = 0; x < SIDE; x++) picture[3 * (y * SIDE + x) + (x < SIDE / 2 ? 0 : 1)] = 255;
}
const drawn = () => sharp(picture, { raw: { width: SIDE, height: SIDE, channels: 3 } });
const decode = (bytes: Uint8Array) => sharpDecoder.decode(bytes, { height: SIDE, width: SIDE });
const corners = (pixels: Uint8Array) =>
  [
    [4, 4],
    [SIDE - 4, 4],
    [4, SIDE - 4],
    [SIDE - 4, SIDE - 4],
  ].map(([x, y]) => {
    const [red, green] = pixels.subarray(3 * (y! * SIDE + x!));
    return red! > 128 ? 'red' : green! > 128 ? 'green' : 'black';
  });

describe('an image', () => {
  // As OpenCV 4.7 in MXNet 1.9 decodes them.
  test.each([
    [1, ['red', 'green', 'black', 'black']],
    [3, ['black', 'black', 'green', 'red']],
    [6, ['black', 'red', 'black', 'green']],
    [8, ['green', 'black', 'red', 'black']],
  ])('is turned by what its JPEG says: orientation %i', async (orientation, expected) => {
    const jpeg = await drawn().withMetadata({ orientation }).jpeg().toBuffer();
    expect(corners(await decode(jpeg))).toEqual(expected);
    const png = await drawn().withMetadata({ orientation }).png().toBuffer();
    expect(await decode(png)).toEqual(Buffer.from(picture));
  });
});

interface BmpLayout {
  readonly bits: 8 | 24 | 32;
  readonly fromTop?: boolean;
  readonly compression?: number;
  readonly width?: number;
}

/** The picture, or the left part of it, as a bitmap. */
function bmp({ bits, fromTop = false, compression = 0, width = SIDE }: BmpLayout): Uint8Array {
  const start = 14 + 40 + (bits === 8 ? 1024 : 12);
  const rowBytes = 4 * Math.ceil((width * bits) / 32);
  const bytes = Buffer.alloc(start + rowBytes * SIDE, 9);
  bytes.write('BM', 0, 'latin1');
  bytes.writeUInt32LE(start, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(fromTop ? -SIDE : SIDE, 22);
  bytes.writeUInt16LE(bits, 28);
  bytes.writeUInt32LE(compression, 30);
  for (const [i, mask] of [0xff0000, 0xff00, 0xff].entries()) bytes.writeUInt32LE(mask, 54 + 4 * i);
  // Of the palette: black, red, green; blue first.
  if (bits === 8) bytes.set([0, 0, 0, 0, 0, 0, 255, 0, 0, 255, 0, 0], 54);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < width; x++) {
      const [red, green, blue] = picture.subarray(3 * (y * SIDE + x)) as unknown as [number, number, number];
      const at = start + rowBytes * (fromTop ? y : SIDE - 1 - y) + (x * bits) / 8;
      if (bits === 8) bytes[at] = red > 0 ? 1 : green > 0 ? 2 : 0;
      else bytes.set([blue, green, red], at);
    }
  }
  return bytes;
}

describe('a bitmap of Windows', () => {
  test.each<BmpLayout>([
    { bits: 24 },
    { bits: 24, fromTop: true },
    { bits: 32 },
    { bits: 32, compression: 3 },
    { bits: 8 },
  ])('is read: %o', async (layout) => {
    expect(await decode(bmp(layout))).toEqual(Buffer.from(picture));
  });

  test('has rows of whole words', async () => {
    const width = SIDE - 3;
    const pixels = await sharpDecoder.decode(bmp({ bits: 24, width }), { height: SIDE, width });
    const left = await drawn().extract({ left: 0, top: 0, width, height: SIDE }).raw().toBuffer();
    expect(pixels).toEqual(left);
  });

  test.each([
    ['cut short', bmp({ bits: 24 }).subarray(0, -1), /ends within its pixels/],
    ['a header only', bmp({ bits: 24 }).subarray(0, 20), /ends within its header/],
    ['compressed', bmp({ bits: 8, compression: 1 }), /uncompressed, .* found 8 bits, compression 1/],
    ['of no width', bmp({ bits: 24, width: 0 }), /claims 0 x 24 pixels/],
  ])('that is none is refused: %s', async (_, bytes, message) => {
    await expect(decode(bytes)).rejects.toThrow(message);
  });
});
