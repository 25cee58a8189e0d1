/*
 * A weighted kernel density estimate on a fixed grid: points are counted into bins and the counts are smoothed.
 */

/** The grid of normalised scores: -10, -9.95, ..., 39.95. */
export const GRID = { start: -10, step: 0.05, length: 1000 };

const BANDWIDTH = 0.5;
/** The kernel is cut off at so many bandwidths. */
const CUT_OFF = 4;

/** Grid points as scores. */
export const gridPoints = Float64Array.from({ length: GRID.length }, (_, i) => GRID.start + i * GRID.step);

/** Nearest grid point of a score; scores beyond the ends count as the ends. */
export function gridIndex(score: number): number {
  return Math.min(GRID.length - 1, Math.max(0, Math.round((score - GRID.start) / GRID.step)));
}

/** @param bins Grid index of each point. @returns Density at every grid point, positive, summing to one over the grid. */
export function kernelDensity(bins: Int32Array, weights: Float64Array): Float64Array {
  const counts = new Float64Array(GRID.length);
  bins.forEach((bin, i) => {
    counts[bin]! += weights[i]!;
  });
  const sigma = BANDWIDTH / GRID.step;
  const radius = Math.round(CUT_OFF * sigma);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const kernelSum = kernel.reduce((sum, v) => sum + v, 0);
  const density = new Float64Array(GRID.length).fill(1e-12);
  for (let from = 0; from < GRID.length; from++) {
    if (counts[from] === 0) continue;
    for (let offset = -radius; offset <= radius; offset++) {
      const to = from + offset;
      if (to >= 0 && to < GRID.length) density[to]! += (counts[from]! * kernel[offset + radius]!) / kernelSum;
    }
  }
  const total = density.reduce((sum, v) => sum + v, 0) * GRID.step;
  return density.map((v) => v / total);
}
