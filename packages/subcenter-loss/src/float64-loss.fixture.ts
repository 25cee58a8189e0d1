/**
 * The formulas of the loss again, in float64 and one image at a time, with the gradient by the chain rule: what the tests hold
 * the tensor code to where the oracle has no case.
 */
import type { Margin, PastPi } from './margin.ts';

export type Matrix = number[][];

export interface LossAndGradients {
  /** Mean over the batch. */
  loss: number;
  /** Of the sum over the batch, as the oracle has them. */
  dx: Matrix;
  dw: Matrix;
  /** Of the sum over the batch, with respect to the scale. */
  ds: number;
}

export interface Float64LossOptions {
  readonly subcenters: number;
  readonly margin: Margin;
  /** Which of several equal sub-centres get the gradient. Default `first`; the reference: `all`. */
  readonly ties?: 'first' | 'all';
  readonly pastPi?: PastPi;
  readonly classMargins?: readonly number[];
  readonly sampleWeights?: readonly number[];
  readonly interClassFilter?: number;
}

function withMargin(
  cosine: number,
  { m1, m3 }: Margin,
  m2: number,
  pastPi: PastPi,
): { value: number; slope: number } {
  const theta = Math.acos(Math.min(1, Math.max(-1, cosine)));
  if (pastPi === 'easy' && cosine <= 0) return { value: cosine, slope: 1 };
  if (m1 === 1 && m2 === 0) return { value: cosine - m3, slope: 1 };
  if (pastPi === 'linear' && m1 * theta + m2 >= Math.PI) {
    const rest = Math.PI - (Math.PI - m2) / m1;
    return { value: cosine - rest * Math.sin(rest) - m3, slope: 1 };
  }
  return {
    value: Math.cos(m1 * theta + m2) - m3,
    slope: (m1 * Math.sin(m1 * theta + m2)) / Math.sin(theta),
  };
}

export function float64Loss(
  x: Matrix,
  w: Matrix,
  labels: readonly number[],
  options: Float64LossOptions,
): LossAndGradients {
  const {
    subcenters,
    margin,
    ties = 'first',
    pastPi = 'fold',
    classMargins,
    sampleWeights,
    interClassFilter,
  } = options;
  const { s } = margin;
  const norm = (v: number[]): number => Math.sqrt(v.reduce((sum, a) => sum + a * a, 1e-10));
  const normX = x.map(norm);
  const normW = w.map(norm);
  const dx = x.map((row) => row.map(() => 0));
  const dw = w.map((row) => row.map(() => 0));
  let loss = 0;
  let ds = 0;
  x.forEach((row, i) => {
    const cosine = w.map((c, r) => c.reduce((sum, a, d) => sum + (a / normW[r]!) * (row[d]! / normX[i]!), 0));
    const classes = w.length / subcenters;
    const best = Array.from({ length: classes }, (_, c) =>
      Math.max(...cosine.slice(c * subcenters, (c + 1) * subcenters)),
    );
    const label = labels[i]!;
    const weight = sampleWeights?.[i] ?? 1;
    const target = withMargin(best[label]!, margin, classMargins?.[label] ?? margin.m2, pastPi);
    const scored = best.map((c, j) => (j === label ? target.value : c));
    const logits = scored.map((u, j) =>
      j !== label && interClassFilter !== undefined && best[j]! > interClassFilter
        ? Number.NEGATIVE_INFINITY
        : s * u,
    );
    const top = Math.max(...logits);
    const total = logits.reduce((sum, z) => sum + Math.exp(z - top), 0);
    loss += weight * (Math.log(total) + top - logits[label]!);
    for (let c = 0; c < classes; c++) {
      const p = Math.exp(logits[c]! - top) / total - (c === label ? 1 : 0);
      ds += weight * p * scored[c]!;
      const g = weight * p * s * (c === label ? target.slope : 1);
      let given = false;
      for (let k = 0; k < subcenters; k++) {
        const r = c * subcenters + k;
        if (cosine[r] !== best[c] || (given && ties === 'first')) continue;
        given = true;
        for (let d = 0; d < row.length; d++) {
          const unitX = row[d]! / normX[i]!;
          const unitW = w[r]![d]! / normW[r]!;
          dx[i]![d]! += (g * (unitW - cosine[r]! * unitX)) / normX[i]!;
          dw[r]![d]! += (g * (unitX - cosine[r]! * unitW)) / normW[r]!;
        }
      }
    }
  });
  return { loss: loss / x.length, dx, dw, ds };
}
