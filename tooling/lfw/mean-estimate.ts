/** A mean with its 95 % confidence interval by Student's t. */
export interface MeanEstimate {
  readonly mean: number;
  /** Half the width of the interval; NaN for fewer than two values. */
  readonly halfWidth: number;
}

/** The .975 quantiles of Student's t with 1, 2, ... degrees of freedom. */
const QUANTILES = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];
const NORMAL_QUANTILE = 1.96;

export function estimate(values: readonly number[]): MeanEstimate {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, halfWidth: Number.NaN };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, halfWidth: (QUANTILES[n - 2] ?? NORMAL_QUANTILE) * Math.sqrt(variance / n) };
}
