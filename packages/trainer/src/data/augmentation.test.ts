import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random } from '../random.ts';
import { augment } from './augmentation.ts';
import { cropImage, mirrorImage } from './image-geometry.ts';

const size = { height: 2, width: 3 };
const image = () => Uint8Array.from({ length: 18 }, (_, i) => i * 10);

test('mirror swaps left and right and keeps colours', async () => {
  const pixels = image();
  mirrorImage(pixels, size);
  expect([...pixels]).toEqual([
    60, 70, 80, 30, 40, 50, 0, 10, 20, 150, 160, 170, 120, 130, 140, 90, 100, 110,
  ]);
  mirrorImage(pixels, size);
  expect(pixels).toEqual(image());
});

test('mirrors about half of the images', async () => {
  let mirrored = 0;
  for (let i = 0; i < 1000; i++) {
    const pixels = image();
    await augment(pixels, size, {}, Random.of(1, i));
    if (pixels[0] !== 0) mirrored++;
  }
  expect(mirrored).toBeGreaterThan(440);
  expect(mirrored).toBeLessThan(560);
});

test('shift moves the picture and repeats the edge', async () => {
  const seen = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const pixels = image();
    await augment(pixels, size, { mirror: 0, shift: 1 }, Random.of(2, i));
    seen.add(pixels.join());
  }
  const left = [30, 40, 50, 60, 70, 80, 60, 70, 80, 120, 130, 140, 150, 160, 170, 150, 160, 170].join();
  const down = [0, 10, 20, 30, 40, 50, 60, 70, 80, 0, 10, 20, 30, 40, 50, 60, 70, 80].join();
  expect(seen.size).toBe(9);
  expect(seen).toContain(left);
  expect(seen).toContain(down);
  expect(seen).toContain(image().join());
});

test('light stays within its share', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.constantFrom('brightness', 'contrast', 'saturation'),
      async (seed, name) => {
        const grey = new Uint8Array(18).fill(100);
        await augment(grey, size, { mirror: 0, [name]: 0.125 }, Random.of(seed));
        // A grey image has neither contrast nor saturation to change.
        const [low, high] = name === 'brightness' ? [87, 113] : [100, 100];
        for (const value of grey) {
          expect(value).toBeGreaterThanOrEqual(low!);
          expect(value).toBeLessThanOrEqual(high!);
        }
      },
    ),
  );
});

test('cutoff covers a square of 128, cut at the border, about every second time', async () => {
  const wide = { height: 12, width: 12 };
  let covered = 0;
  for (let i = 0; i < 400; i++) {
    const pixels = new Uint8Array(12 * 12 * 3);
    await augment(pixels, wide, { mirror: 0, cutoff: 4 }, Random.of(3, i));
    const count = pixels.filter((value) => value === 128).length / 3;
    expect(pixels.every((value) => value === 0 || value === 128)).toBe(true);
    expect(count).toBeLessThanOrEqual(16);
    if (count > 0) covered++;
  }
  expect(covered).toBeGreaterThan(150);
  expect(covered).toBeLessThan(250);
});

test('nothing changes when everything is off', async () => {
  const pixels = image();
  await augment(pixels, size, { mirror: 0 }, Random.of(1));
  expect(pixels).toEqual(image());
});

test('shift agrees with looking up every pixel, also when it moves everything out', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 9 }), async (seed, shift) => {
      const big = { height: 4, width: 5 };
      const original = Uint8Array.from({ length: 60 }, (_, i) => i);
      const pixels = new Uint8Array(original);
      await augment(pixels, big, { mirror: 0, shift }, Random.of(seed));
      const random = Random.of(seed);
      random.float();
      const right = random.integer(2 * shift + 1) - shift;
      const down = random.integer(2 * shift + 1) - shift;
      const clamp = (value: number, most: number) => Math.min(most, Math.max(0, value));
      const expected = original.map((_, i) => {
        const [y, x, c] = [Math.floor(i / 15), Math.floor(i / 3) % 5, i % 3];
        return original[(clamp(y - down, 3) * 5 + clamp(x - right, 4)) * 3 + c]!;
      });
      expect(pixels).toEqual(expected);
    }),
  );
});

test('colour agrees with changing one thing after another', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.uint8Array({ minLength: 18, maxLength: 18 }),
      async (seed, original) => {
        const shares = { brightness: 0.1, contrast: 0.2, saturation: 0.3 };
        const pixels = new Uint8Array(original);
        await augment(pixels, size, { mirror: 0, ...shares }, Random.of(seed));
        const random = Random.of(seed);
        random.float();
        const changes = Object.entries(shares)
          .map(([name, share]) => ({
            name,
            factor: 1 + random.uniform(-share, share),
            order: random.float(),
          }))
          .sort((a, b) => a.order - b.order);
        let values = Array.from(original);
        const grey = (i: number) => {
          const at = i - (i % 3);
          return 0.299 * values[at]! + 0.587 * values[at + 1]! + 0.114 * values[at + 2]!;
        };
        for (const { name, factor } of changes) {
          const mean = values.reduce((sum, _, i) => sum + grey(i), 0) / values.length;
          values = values.map((value, i) => {
            const centre = name === 'brightness' ? 0 : name === 'contrast' ? mean : grey(i);
            return centre + (value - centre) * factor;
          });
        }
        values.forEach((value, i) => {
          expect(Math.abs(pixels[i]! - Math.min(255, Math.max(0, value)))).toBeLessThanOrEqual(0.5 + 1e-9);
        });
      },
    ),
  );
});

test('crop scales a window up: a ramp stays a ramp, the whole window changes nothing', () => {
  const wide = { height: 3, width: 9 };
  const ramp = () => Uint8Array.from({ length: 81 }, (_, i) => (Math.floor(i / 3) % 9) * 20);
  const whole = ramp();
  cropImage(whole, wide, { left: 0, top: 0, width: 9, height: 3 });
  expect(whole).toEqual(ramp());
  const cropped = ramp();
  // Columns 3 to 6 of the original: the centre of the first new pixel is at 3 + 1/6, a third of a pixel left of column 3.
  cropImage(cropped, wide, { left: 3, top: 0, width: 3, height: 3 });
  const row = Array.from({ length: 9 }, (_, x) => cropped[x * 3]!);
  expect(row).toEqual(Array.from({ length: 9 }, (_, x) => Math.round((3 + (x + 0.5) / 3 - 0.5) * 20)));
});

test('crop never leaves the range of the image', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.uint8Array({ minLength: 18, maxLength: 18 }),
      async (seed, crop, original) => {
        const pixels = new Uint8Array(original);
        await augment(pixels, size, { mirror: 0, crop }, Random.of(seed));
        expect(Math.min(...pixels)).toBeGreaterThanOrEqual(Math.min(...original));
        expect(Math.max(...pixels)).toBeLessThanOrEqual(Math.max(...original));
      },
    ),
  );
});

test('recompresses about as often as asked, at qualities from 2 to 20, and not without something that can', async () => {
  const qualities: number[] = [];
  const recompress = async (pixels: Uint8Array, _: unknown, quality: number) => {
    qualities.push(quality);
    return pixels.map((value) => value ^ 1);
  };
  for (let i = 0; i < 400; i++) {
    const pixels = image();
    const before = qualities.length;
    await augment(pixels, size, { mirror: 0, recompression: 0.5 }, Random.of(5, i), recompress);
    expect(pixels[0]).toBe(qualities.length - before);
  }
  expect(qualities.length).toBeGreaterThan(150);
  expect(qualities.length).toBeLessThan(250);
  expect([Math.min(...qualities), Math.max(...qualities)]).toEqual([2, 20]);
  await expect(augment(image(), size, { recompression: 0.1 }, Random.of(1))).rejects.toThrow(/recompress/);
});
