/**
 * The similarity (turn, scale, shift; no mirror, no shear) that brings points nearest to others in least squares. Umeyama
 * (1991) solves it in any dimension with a singular value decomposition; in the plane, with points as complex numbers,
 * the best turn and scale are one quotient: sum(conj(from) to) / sum(|from|^2), both from their means.
 */
import { AlignmentError } from './alignment-error.ts';
import type { Point } from './face-template.ts';

/** Maps (x, y) to (a x - b y + x0, b x + a y + y0). */
export interface Similarity {
  /** Scale times cosine of the angle. */
  readonly a: number;
  /** Scale times sine of the angle. */
  readonly b: number;
  readonly x0: number;
  readonly y0: number;
}

/**
 * The similarity that brings `from` nearest to `to`: what scikit-image's `SimilarityTransform.estimate` finds, which
 * insightface aligns with. It never mirrors, also where that would be nearer.
 *
 * @param from at least two points, not all on one spot
 * @param to as many points
 * @throws {AlignmentError} `invalid-landmarks`
 */
export function similarityTransform(from: readonly Point[], to: readonly Point[]): Similarity {
  if (from.length !== to.length || from.length < 2) {
    throw new AlignmentError(
      'invalid-landmarks',
      `Expected two lists of as many points, two or more, found ${from.length} and ${to.length}.`,
    );
  }
  for (const point of [...from, ...to]) checkPoint(point);
  const [fromX, fromY] = mean(from);
  const [toX, toY] = mean(to);
  let [real, imaginary, spread] = [0, 0, 0];
  for (const [i, [x, y]] of from.entries()) {
    const [u, v] = [x - fromX, y - fromY];
    const [s, t] = [to[i]![0] - toX, to[i]![1] - toY];
    real += u * s + v * t;
    imaginary += u * t - v * s;
    spread += u * u + v * v;
  }
  if (!Number.isFinite(spread)) {
    throw new AlignmentError(
      'invalid-landmarks',
      `The points lie too far apart to compute with, around (${fromX}, ${fromY}).`,
    );
  }
  if (spread <= 1e-12) {
    throw new AlignmentError(
      'invalid-landmarks',
      `All points lie at (${fromX}, ${fromY}); they say nothing about angle and size.`,
    );
  }
  const [a, b] = [real / spread, imaginary / spread];
  return { a, b, x0: toX - (a * fromX - b * fromY), y0: toY - (b * fromX + a * fromY) };
}

/**
 * How far, in pixels of `to`, points lie from where they should after a similarity: the root of the mean square. A few pixels of
 * 112 for a face that looks into the camera, more for one that looks aside; more than 20 if left and right are confused.
 */
export function fitError(similarity: Similarity, from: readonly Point[], to: readonly Point[]): number {
  const { a, b, x0, y0 } = similarity;
  let sum = 0;
  for (const [i, [x, y]] of from.entries()) {
    const [u, v] = to[i]!;
    sum += (a * x - b * y + x0 - u) ** 2 + (b * x + a * y + y0 - v) ** 2;
  }
  return Math.sqrt(sum / from.length);
}

function checkPoint(point: Point): void {
  if (!Array.isArray(point) || point.length !== 2 || !point.every(Number.isFinite)) {
    throw new AlignmentError(
      'invalid-landmarks',
      `A point must be two finite numbers, [x, y] in pixels, found ${JSON.stringify(point)}.`,
    );
  }
}

function mean(points: readonly Point[]): Point {
  const n = points.length;
  return [points.reduce((sum, [x]) => sum + x, 0) / n, points.reduce((sum, [, y]) => sum + y, 0) / n];
}
