import { describe, expect, test } from 'vitest';
import { alignFace, type RgbImage } from './align-face.ts';
import { type FivePoints, faceTemplate } from './face-template.ts';
import { warpImage } from './warp-image.ts';

/** A picture with edges and slopes, made the same way in numpy for the values below. */
function picture(width = 180, height = 150): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const checked = (Math.floor(x / 6) + Math.floor(y / 6)) % 2 === 0;
      data.set([x * 7 + y * 3, Math.floor((x * x) / 5) + y, checked ? 230 : 20], 3 * (y * width + x));
    }
  }
  return { width, height, data };
}

const LANDMARKS: FivePoints = [
  [61.5, 52.25],
  [98, 60.5],
  [77.75, 78],
  [58, 90.5],
  [88.25, 97],
];

/** Pixels (x, y) of that picture aligned, as OpenCV 5.0's `warpAffine` makes them from scikit-image's transform. */
const BY_OPENCV: readonly (readonly [x: number, y: number, red: number, green: number, blue: number])[] = [
  [0, 0, 0, 0, 0],
  [5, 100, 175, 186, 230],
  [30, 40, 11, 192, 20],
  [56, 56, 227, 53, 20],
  [80, 20, 93, 151, 27],
  [111, 111, 206, 48, 230],
  [100, 3, 214, 219, 151],
  [3, 60, 98, 205, 78],
  [70, 90, 127, 64, 220],
  [44, 12, 71, 169, 230],
  [20, 108, 42, 88, 230],
  [110, 50, 104, 38, 230],
];

describe('alignFace', () => {
  const aligned = alignFace(picture(), LANDMARKS);

  test("is the reference's, pixel by pixel", () => {
    expect([aligned.width, aligned.height]).toEqual([112, 112]);
    for (const [x, y, ...colour] of BY_OPENCV) {
      const at = 3 * (y * 112 + x);
      for (let c = 0; c < 3; c++) expect(Math.abs(aligned.data[at + c]! - colour[c]!)).toBeLessThanOrEqual(1);
    }
  });

  test('has its means', () => {
    const pixels = Array.from({ length: 112 ** 2 }, (_, i) => aligned.data.subarray(3 * i, 3 * i + 3));
    const means = [0, 1, 2].map((c) => pixels.reduce((sum, pixel) => sum + pixel[c]!, 0) / pixels.length);
    for (const [c, mean] of [125.05, 128.03, 124.42].entries())
      expect(Math.abs(means[c]! - mean)).toBeLessThan(0.02);
  });

  test('changes nothing in a face that is aligned already', () => {
    const face = picture(112, 112);
    expect(Buffer.from(alignFace(face, faceTemplate()).data).equals(Buffer.from(face.data))).toBe(true);
  });

  test('makes other sizes', () => {
    expect(alignFace(picture(), LANDMARKS, { size: 128 }).data.length).toBe(128 * 128 * 3);
    expect(() => alignFace(picture(), LANDMARKS, { size: 0 })).toThrow(/1 to 4096, found 0/);
  });

  test('refuses pixels that do not fill the image', () => {
    const { data } = picture();
    expect(() => alignFace({ width: 180, height: 151, data }, LANDMARKS)).toThrow(/81540 bytes, found 81000/);
  });
});

describe('faceTemplate', () => {
  test('has the margin of multiples of 128', () => {
    expect(faceTemplate(128)[0]).toEqual([38.2946 + 8, 51.6963]);
    expect(faceTemplate(256)[0]).toEqual([2 * 38.2946 + 16, 2 * 51.6963]);
  });
  test('scales otherwise', () => {
    expect(faceTemplate(224)[2]).toEqual([2 * 56.0252, 2 * 71.7366]);
    expect(faceTemplate(56)[2]).toEqual([56.0252 / 2, 71.7366 / 2]);
  });
});

describe('warpImage', () => {
  const checks: RgbImage = {
    width: 64,
    height: 64,
    data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (Math.floor(i / 3) % 2 === 0 ? 255 : 0)),
  };
  const eighth = { a: 1 / 8, b: 0, x0: -0.4375, y0: -0.4375 };

  test('averages what becomes small', () => {
    const { data } = warpImage(checks, eighth, { width: 8, height: 8 });
    expect(new Set(data)).toEqual(new Set([128]));
  });
  test('or does not, as the reference', () => {
    const shifted = { ...eighth, x0: -0.5, y0: -0.5 };
    const { data } = warpImage(checks, shifted, { width: 8, height: 8, antialias: false });
    expect(new Set(data)).toEqual(new Set([255]));
  });
  test('refuses a similarity that makes everything a point', () => {
    expect(() => warpImage(checks, { a: 0, b: 0, x0: 0, y0: 0 }, { width: 8, height: 8 })).toThrow(
      /scale and a shift, found 0/,
    );
  });
  test.each([
    [{ x0: Number.NaN }, {}, /shift/],
    [{ y0: Number.POSITIVE_INFINITY }, {}, /shift/],
    [{}, { width: 0 }, /1 on, found 0x8/],
    [{}, { height: 1.5 }, /1 on, found 8x1.5/],
  ])('refuses %o and %o', (transform, size, message) => {
    expect(() => warpImage(checks, { ...eighth, ...transform }, { width: 8, height: 8, ...size })).toThrow(
      message,
    );
  });
});
