/** The cases of the reference's loss, where they are beside the repository: ../shared/oracle/loss. */
import { existsSync, readFileSync } from 'node:fs';
import type { Matrix } from './float64-loss.fixture.ts';
import type { Margin } from './margin.ts';

export interface OracleCase extends Margin {
  name: string;
  K: number;
  embedding: Matrix;
  weight: Matrix;
  bias: number[] | null;
  label: number[];
  /** `dx`, `dW` and `db` are of the sum over the batch. */
  float64: { loss_mean: number; dx: Matrix; dW: Matrix; db: number[] };
  reference_float32?: Record<string, { padding_weight_rows?: Matrix; dx?: Matrix; dW?: Matrix }>;
}

const file = new URL('../../../../shared/oracle/loss/loss.json', import.meta.url);

// Printed as shortest decimals that identify a float32: restore the float32 they stand for.
const fround = (m: Matrix): Matrix => m.map((row) => row.map(Math.fround));

/** All 30, or none where the file is not there. */
export const oracleCases: readonly OracleCase[] = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')).cases as OracleCase[]).map((c) => ({
      ...c,
      embedding: fround(c.embedding),
      weight: fround(c.weight),
    }))
  : [];

/** Those of the margin softmax: 29. */
export const marginCases = oracleCases.filter((c) => c.name !== 'softmax_plain');

/** What a gradient is to be in a case: the oracle's own, but to the first of tied sub-centres where that has it to all. */
export const isNearPole = ({ name }: OracleCase): boolean => /cos_exactly_1|equal_to_centre/.test(name);

/** Cosines are good to about 1e-7 in float32, the scale multiplies that by up to 64, and the softmax passes it on. */
export const ROUND_OFF = 5e-6;

/** The largest deviation, relative to the largest entry, or to 1 where all are small. */
export function deviation(actual: Matrix, expected: Matrix): number {
  const largest = Math.max(1, ...expected.flat().map(Math.abs));
  const worst = Math.max(...expected.flatMap((row, i) => row.map((v, j) => Math.abs(v - actual[i]![j]!))));
  return worst / largest;
}
