/** A mean with its 95 % confidence interval by Student's t. */
export interface MeanEstimate {
  readonly mean: number;
  /** Half the width of the interval; NaN for fewer than two values. */
  readonly halfWidth: number;
}

/** The .975 quantiles of Student's t with 1, 2, ... degrees of freedom. */
const QUANTILES = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];
const NORMAL_QUANTILE = 1.959964;

function quantile(freedom: number): number {
  // Above nine the normal quantile and its first correction (Cornish and Fisher) are good to three digits.
  const z = NORMAL_QUANTILE;
  return (
    QUANTILES[freedom - 1] ??
    z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
  );
}

export function estimate(values: readonly number[]): MeanEstimate {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, halfWidth: Number.NaN };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, halfWidth: quantile(n - 1) * Math.sqrt(variance / n) };
}
