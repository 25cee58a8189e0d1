/** A dataset dealt out into parts, or shuffled, without copying an image. */
import { filterDataset } from './dataset-views.ts';
import type { FaceDataset } from './face-dataset.ts';
import { shuffledPositions } from './random-order.ts';

/** Options of {@link splitDataset}. */
export interface SplitOptions {
  /** Share of each part, each above 0; they are divided by their sum. */
  readonly shares: readonly number[];
  /**
   * What is dealt out: `'images'` (default; an identity may be in several parts), or whole `'identities'` (no person is
   * in two parts, as verification on people not trained on needs).
   */
  readonly by?: 'images' | 'identities' | undefined;
  readonly seed: number;
}

/**
 * Splits a dataset into parts at random. Within a part images keep their order, and labels stay.
 *
 * Every image is in exactly one part. Closing any part closes the dataset.
 *
 * @throws RangeError if a share is not above 0
 */
export function splitDataset(dataset: FaceDataset, options: SplitOptions): FaceDataset[] {
  const { shares, by = 'images', seed } = options;
  if (shares.length === 0 || !shares.every((share) => share > 0 && Number.isFinite(share))) {
    throw new RangeError(`Shares must be numbers above 0, not ${JSON.stringify(shares)}`);
  }
  const units = by === 'images' ? dataset.length : dataset.identities.length;
  const order = shuffledPositions(units, seed);
  const total = shares.reduce((sum, share) => sum + share);
  let behind = 0;
  return shares.map((share) => {
    const start = Math.round((behind / total) * units);
    behind += share;
    const dealt = order.subarray(start, Math.round((behind / total) * units));
    const positions =
      by === 'images' ? dealt : Array.from(dealt, (i) => [...dataset.identities[i]!.images]).flat();
    return filterDataset(dataset, Int32Array.from(positions).sort());
  });
}

/** The images of a dataset in an order that depends on the seed alone; see {@link shuffledPositions}. */
export function shuffleDataset(dataset: FaceDataset, seed: number): FaceDataset {
  return filterDataset(dataset, shuffledPositions(dataset.length, seed));
}
