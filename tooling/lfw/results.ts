/** What `end-to-end.ts` writes and `table.ts` reads. */
import { existsSync, readFileSync } from 'node:fs';
import type { ConfusionMetrics } from '@arcface/cleaner';

/** What networks of the experiment start from; see `starts.ts`. */
export const STARTS = ['scratch', 'pretrained'] as const;
export type StartName = (typeof STARTS)[number];

/** One trained network: what it was trained on, and how well it verifies. */
export interface Row {
  readonly seed: number;
  readonly rate: number;
  /** Absent for a network from scratch. */
  readonly start?: 'pretrained' | undefined;
  readonly network: string;
  readonly images: number;
  readonly identities: number;
  readonly steps: number;
  readonly learningRate: number;
  /** On people not trained on: ten folds. */
  readonly accuracy: number;
  readonly auc: number;
  /** The same on the pairs by which settings were chosen. */
  readonly validationAuc: number;
  /** Mean cosine of different people's embeddings; near 1 means collapse to a point. */
  readonly impostorCosine: number;
  /** How well the images that this network was not trained on match the noise; for networks trained after a drop. */
  readonly drop?: ConfusionMetrics & { readonly dropped: number };
  readonly seconds: number;
}

/** What the network of a row was before it was trained. */
export function startOf({ start }: Pick<Row, 'start'>): StartName {
  return start ?? 'scratch';
}

/** The rows of a file; none if it is not there yet. */
export function readRows(path: string): Row[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}
