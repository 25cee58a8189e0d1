import { describe, expect, it } from 'vitest';
import { identitiesFromLabels } from '../identity.ts';
import { type SeededRandom, seededRandom } from '../seeded-random.ts';
import { groupFaces } from './face-groups.ts';
import { whitenedFaces, withinClassWhitening } from './within-class-whitening.ts';

const facesOf = (rows: readonly (readonly number[])[], labels: readonly number[]) =>
  groupFaces(
    Float64Array.from(rows.flat()),
    rows[0]!.length,
    Int32Array.from(labels),
    identitiesFromLabels(labels),
  );

const normalFrom =
  ({ uniform }: SeededRandom) =>
  (): number =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

/** Images of some people; they differ most in the first dimensions. */
function drawn(images: number, people: number, dimensions: number) {
  const normal = normalFrom(seededRandom(2));
  const centres = Array.from({ length: people * dimensions }, normal);
  const labels = Array.from({ length: images }, (_, i) => i % people);
  const rows = labels.map((label) =>
    Array.from({ length: dimensions }, (_, d) => centres[label * dimensions + d]! + (2 * normal()) / (1 + d)),
  );
  return facesOf(rows, labels);
}

/** Covariance of rows around the mean of their identity, as the definition has it. */
function covariance(
  { images, dimensions, unit, identityOf, members }: ReturnType<typeof facesOf>,
  weights: ArrayLike<number>,
  transform: (row: Float64Array) => number[] = (row) => [...row],
): number[][] {
  const rows = Array.from({ length: images }, (_, i) => {
    const row = new Float64Array(dimensions);
    unit.read(i, row);
    return transform(row);
  });
  const total = (of: ArrayLike<number>) => Array.from(of).reduce((a, b) => a + b, 0);
  const means = members.map((own) => {
    const weight = total(Array.from(own, (i) => weights[i]!));
    return rows[0]!.map((_, d) => total(Array.from(own, (i) => weights[i]! * rows[i]![d]!)) / weight);
  });
  return rows[0]!.map((_, a) =>
    rows[0]!.map(
      (__, b) =>
        total(
          rows.map((row, i) => {
            const mean = means[identityOf[i]!]!;
            return weights[i]! * (row[a]! - mean[a]!) * (row[b]! - mean[b]!);
          }),
        ) / total(weights),
    ),
  );
}

const product = (matrix: Float64Array, row: Float64Array): number[] =>
  Array.from(row, (_, a) => row.reduce((sum, value, b) => sum + matrix[a * row.length + b]! * value, 0));

/*
 * import numpy as np
 * x = np.array([[1, 2, 2], [2, 1, 2], [3, 4, 0], [0, 1, -1], [1, 0, -1], [-2, 2, 1], [-2, 1, 2]], float)
 * x /= np.linalg.norm(x, axis=1, keepdims=True)
 * y = np.array([0, 0, 0, 1, 1, 2, 2]); w = np.array([1, .5, 1, 1, .25, .8, 0])
 * centred = x - np.stack([np.average(x[y == c], axis=0, weights=w[y == c]) for c in y])
 * s = (centred * w[:, None]).T @ centred
 * s = .7 * s / (np.trace(s) / 3) + .3 * np.eye(3)
 * print(np.linalg.inv(np.linalg.cholesky(s)))
 */
const EXPECTED = [1.09211636, 0, 0, 0.57125946, 1.18030651, 0, 0.60034431, 0.66666141, 1.05322032];

describe('whitening within identities', () => {
  it('is what NumPy makes of the same images', () => {
    const faces = facesOf(
      [
        [1, 2, 2],
        [2, 1, 2],
        [3, 4, 0],
        [0, 1, -1],
        [1, 0, -1],
        [-2, 2, 1],
        [-2, 1, 2],
      ],
      [0, 0, 0, 1, 1, 2, 2],
    );
    const whitening = withinClassWhitening(faces, Float64Array.of(1, 0.5, 1, 1, 0.25, 0.8, 0))!;
    expect([...whitening]).toEqual(EXPECTED.map((value) => expect.closeTo(value, 6)));
  });

  it('leaves images of one person differing by as much in every direction', () => {
    const faces = drawn(200, 7, 5);
    const weights = Float64Array.from({ length: 200 }, seededRandom(4).uniform);
    const whitening = withinClassWhitening(faces, weights, { shrinkage: 0 })!;
    const before = covariance(faces, weights);
    const after = covariance(faces, weights, (row) => product(whitening, row));
    expect(before[0]![0]! / before[4]![4]!).toBeGreaterThan(3);
    const variance = before.reduce((sum, row, d) => sum + row[d]!, 0) / 5;
    after.forEach((row, a) => {
      row.forEach((value, b) => {
        expect(value).toBeCloseTo(a === b ? variance : 0, 9);
      });
    });
  });

  it('counts an image as far as its weight says', () => {
    const faces = drawn(60, 5, 4);
    const some = Float64Array.from({ length: 60 }, (_, i) => Number(i < 40));
    const fewer = facesOf(
      Array.from({ length: 40 }, (_, i) => {
        const row = new Float64Array(4);
        faces.unit.read(i, row);
        return [...row];
      }),
      Array.from({ length: 40 }, (_, i) => i % 5),
    );
    const [weighted, alone] = [
      withinClassWhitening(faces, some)!,
      withinClassWhitening(fewer, new Float64Array(40).fill(1))!,
    ];
    weighted.forEach((value, i) => {
      expect(value).toBeCloseTo(alone[i]!, 6);
    });
  });

  it('stretches no direction without bound where there are fewer images than dimensions', () => {
    const faces = drawn(12, 4, 64);
    const whitening = withinClassWhitening(faces, new Float64Array(12).fill(1))!;
    expect(whitening.every(Number.isFinite)).toBe(true);
    const normal = normalFrom(seededRandom(5));
    // A direction without any spread has the variance of the shrinkage.
    const most = Math.sqrt(1 / 0.3);
    for (let image = 0; image < 12; image++) {
      const row = Float64Array.from({ length: 64 }, normal);
      const length = Math.hypot(...product(whitening, row)) / Math.hypot(...row);
      expect(length).toBeLessThan(most + 1e-9);
      expect(length).toBeGreaterThan(0.1);
    }
  });

  it.each([
    [
      'images that are all alike',
      [
        [1, 2],
        [1, 2],
        [1, 2],
        [3, 1],
      ],
      [0, 0, 0, 1],
    ],
    [
      'one image a person',
      [
        [1, 2],
        [2, 1],
        [0, 1],
      ],
      [0, 1, 2],
    ],
    [
      'rows of zeros',
      [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      [0, 0, 1, 1],
    ],
  ])('is none for %s', (_, rows, labels) => {
    const faces = facesOf(rows, labels);
    expect(withinClassWhitening(faces, new Float64Array(labels.length).fill(1))).toBeUndefined();
    expect(withinClassWhitening(faces, new Float64Array(labels.length))).toBeUndefined();
  });

  it('gives rows of length one again, but for one of zeros', () => {
    const faces = facesOf(
      [
        [1, 2],
        [2, 1],
        [0, 0],
        [-1, 1],
      ],
      [0, 0, 1, 1],
    );
    const whitened = whitenedFaces(faces, withinClassWhitening(faces, new Float64Array(4).fill(1))!);
    const row = new Float64Array(2);
    for (const [image, length] of [1, 1, 0, 1].entries()) {
      whitened.unit.read(image, row);
      expect(Math.hypot(...row)).toBeCloseTo(length, 8);
    }
  });
});
