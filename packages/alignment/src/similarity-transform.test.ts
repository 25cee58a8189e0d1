import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AlignmentError } from './alignment-error.ts';
import { type FivePoints, faceTemplate, type Point } from './face-template.ts';
import { fitError, similarityTransform } from './similarity-transform.ts';

/** Landmarks, and what scikit-image 0.26 estimates for them in float64: rows [a, -b, x0], [b, a, y0]; the root of the mean square. */
const BY_SCIKIT_IMAGE: Readonly<
  Record<string, readonly [FivePoints, a: number, b: number, x0: number, y0: number, error: number]>
> = {
  upright: [
    [
      [104.5, 121.25],
      [171, 119.5],
      [137.75, 160],
      [110, 198.5],
      [166.25, 197],
    ],
    0.525435682253164,
    0.004034252816582891,
    -15.788965821670487,
    -12.331175862223148,
    0.4031711442285505,
  ],
  turned: [
    [
      [210, 90],
      [245.5, 140.25],
      [205, 140],
      [170.5, 128],
      [200.25, 171.5],
    ],
    0.3872874603664082,
    -0.5151402993571647,
    -92.85492179946385,
    126.27131142633483,
    3.885630503560087,
  ],
  'upside down': [
    [
      [171, 219.5],
      [104.5, 221.25],
      [137.75, 160],
      [166.25, 127],
      [110, 118.5],
    ],
    -0.4426458121961677,
    0.010512174821761016,
    118.84620309043459,
    145.36895480628056,
    3.509686469133188,
  ],
  'left and right confused': [
    [
      [171, 119.5],
      [104.5, 121.25],
      [137.75, 160],
      [166.25, 197],
      [110, 198.5],
    ],
    0.11809320008279188,
    -0.004489870522789441,
    39.02609582782878,
    53.71359103190805,
    22.65130608067562,
  ],
  'a face from the side': [
    [
      [80, 60],
      [92, 61],
      [60, 84],
      [78, 104],
      [88, 105],
    ],
    0.841736431372549,
    -0.06360035294117636,
    -16.242169160784286,
    7.267591576470579,
    13.304179901182994,
  ],
};

describe.each(Object.entries(BY_SCIKIT_IMAGE))('%s', (_, [landmarks, a, b, x0, y0, error]) => {
  const similarity = similarityTransform(landmarks, faceTemplate());
  test("is scikit-image's", () => {
    for (const [name, value] of Object.entries({ a, b, x0, y0 })) {
      expect(similarity[name as keyof typeof similarity]).toBeCloseTo(value, 10);
    }
  });
  test('has its distance from the template', () => {
    expect(fitError(similarity, landmarks, faceTemplate())).toBeCloseTo(error, 10);
  });
});

const number = fc.double({ min: -1000, max: 1000, noNaN: true });
const points = fc.array(fc.tuple(number, number), { minLength: 2, maxLength: 8 });

test('finds again any similarity that moved the points', () => {
  fc.assert(
    fc.property(
      points,
      fc.double({ min: 0.05, max: 20, noNaN: true }),
      number,
      number,
      number,
      (from, scale, angle, x0, y0) => {
        fc.pre(from.some(([x, y]) => Math.hypot(x - from[0]![0], y - from[0]![1]) > 1));
        const [a, b] = [scale * Math.cos(angle), scale * Math.sin(angle)];
        const to = from.map(([x, y]): Point => [a * x - b * y + x0, b * x + a * y + y0]);
        const found = similarityTransform(from, to);
        expect(found.a).toBeCloseTo(a, 6);
        expect(found.b).toBeCloseTo(b, 6);
        expect(fitError(found, from, to)).toBeLessThan(1e-6);
      },
    ),
  );
});

test('no other similarity nearby is nearer', () => {
  const [landmarks] = BY_SCIKIT_IMAGE.turned!;
  const best = similarityTransform(landmarks, faceTemplate());
  const error = fitError(best, landmarks, faceTemplate());
  for (const name of ['a', 'b', 'x0', 'y0'] as const) {
    for (const step of [-1e-4, 1e-4]) {
      const other = { ...best, [name]: best[name] + step };
      expect(fitError(other, landmarks, faceTemplate())).toBeGreaterThan(error);
    }
  }
});

test('refuses points that say nothing, naming what is wrong', () => {
  const refused = (from: readonly Point[], to: readonly Point[] = faceTemplate()): AlignmentError => {
    try {
      similarityTransform(from, to);
    } catch (error) {
      return error as AlignmentError;
    }
    throw new Error('was not refused');
  };
  for (const error of [
    refused([[1, 2]]),
    refused(Array<Point>(5).fill([3, 4])),
    refused([
      [Number.NaN, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]),
    refused([
      [1e200, 0],
      [-1e200, 0],
      [0, 1e200],
      [1, 1],
      [2, 2],
    ]),
    refused([[1, 2, 3] as unknown as Point, [1, 1], [2, 2], [3, 3], [4, 4]]),
  ]) {
    expect(error).toBeInstanceOf(AlignmentError);
    expect(error.code).toBe('invalid-landmarks');
  }
  expect(refused(Array<Point>(5).fill([3, 4])).message).toContain('(3, 4)');
});
