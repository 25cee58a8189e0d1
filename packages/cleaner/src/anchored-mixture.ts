/*
 * Two groups of images by what a training run saw of them: those it took for their own identity from the start, and those that it met
 * as strangers. Both are normal with one covariance, fitted by expectation and maximisation, with an anchor: an image under a wrong
 * label starts as a stranger to its identity, so the lower group's mean early in the run is at most half of the upper
 * group's. Without the anchor the mixture cuts clean data in two. And a lower group that would come to lie near the anchor, or above it, is
 * no group of strangers but the tail of the others: then there are none.
 */

/** Lower group at first: below this share of the median of all images, early in the run. The same share is the anchor. */
const STRANGER_SHARE = 0.5;
/**
 * Strangers come to a lower share of the others' mean by themselves: to .11 to .32 in 27 runs with 5 to 60 % wrong labels. In the tail of
 * those without any it was .52 to .56, and .42 to .46 where the network knew faces before (docs/cleaning.md).
 */
const MOST_OF_STRANGERS = 0.37;
const ROUNDS = 300;
const CONVERGED = 1e-4;
/** Added to the variances, in units of each one's spread. */
const RIDGE = 0.01;

/**
 * @param early Mean own cosine of every image while the run was learning what is easy.
 * @param late The same right after that.
 * @returns Probability that an image is of the lower group.
 */
export function strangersByAnchoredMixture(early: Float64Array, late: Float64Array): Float64Array {
  const x = scaled(early);
  const y = scaled(late);
  const start = STRANGER_SHARE * middle(x);
  let lower = x.map((value) => Number(value < start));
  let isTail = false;
  for (let round = 0; round < ROUNDS && lower.some((p) => p > 0); round++) {
    const low = means(x, y, lower);
    const high = means(
      x,
      y,
      lower.map((p) => 1 - p),
    );
    const spread = pooled(x, y, lower, low, high);
    const excess = Math.max(0, low.x - STRANGER_SHARE * high.x);
    isTail = low.x > MOST_OF_STRANGERS * high.x;
    // The mean moves along the ellipse of the group, not along an axis.
    low.y -= (spread.xy / spread.xx) * excess;
    low.x -= excess;
    const logOdds = logOddsOf(low, high, pooled(x, y, lower, low, high));
    const next = x.map((value, i) => 1 / (1 + Math.exp(-logOdds(value, y[i]!))));
    const change = next.reduce((most, p, i) => Math.max(most, Math.abs(p - lower[i]!)), 0);
    lower = next;
    if (change < CONVERGED) break;
  }
  return isTail ? lower.fill(0) : lower;
}

interface Mean {
  x: number;
  y: number;
  readonly share: number;
}

interface Spread {
  readonly xx: number;
  readonly xy: number;
  readonly yy: number;
}

/** In units of its own standard deviation, around zero as it was. */
function scaled(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const unit = Math.sqrt(square) || 1;
  return values.map((value) => value / unit);
}

function middle(values: Float64Array): number {
  return values.toSorted()[values.length >> 1] ?? 0;
}

function means(x: Float64Array, y: Float64Array, weights: Float64Array): Mean {
  const total = weights.reduce((sum, weight) => sum + weight, 0) + 1e-9;
  let [sumX, sumY] = [0, 0];
  weights.forEach((weight, i) => {
    sumX += weight * x[i]!;
    sumY += weight * y[i]!;
  });
  return { x: sumX / total, y: sumY / total, share: total / x.length };
}

/** Covariance within the groups. */
function pooled(x: Float64Array, y: Float64Array, lower: Float64Array, low: Mean, high: Mean): Spread {
  let [xx, xy, yy] = [0, 0, 0];
  lower.forEach((p, i) => {
    for (const [weight, mean] of [
      [p, low],
      [1 - p, high],
    ] as const) {
      const [dx, dy] = [x[i]! - mean.x, y[i]! - mean.y];
      xx += weight * dx * dx;
      xy += weight * dx * dy;
      yy += weight * dy * dy;
    }
  });
  const n = x.length;
  return { xx: xx / n + RIDGE, xy: xy / n, yy: yy / n + RIDGE };
}

function logOddsOf(low: Mean, high: Mean, { xx, xy, yy }: Spread): (x: number, y: number) => number {
  const determinant = xx * yy - xy * xy;
  const prior = Math.log(low.share + 1e-9) - Math.log(high.share + 1e-9);
  const distance = (dx: number, dy: number): number =>
    (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / determinant;
  return (x, y) => prior + (distance(x - high.x, y - high.y) - distance(x - low.x, y - low.y)) / 2;
}
