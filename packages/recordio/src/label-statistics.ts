/** How many images an identity has, counted from labels alone. */
import type { FaceDataset } from './face-dataset.ts';

/** How the images of a dataset spread over its identities. */
export interface LabelStatistics {
  readonly images: number;
  /** Identities with one image at least. */
  readonly identities: number;
  /** Smallest and largest label; classes for training are `largestLabel + 1`. */
  readonly smallestLabel: number;
  readonly largestLabel: number;
  /** Whether labels between the smallest and the largest are missing, or the smallest is not 0. */
  readonly hasGaps: boolean;
  /** Images per identity. */
  readonly fewestImages: number;
  readonly meanImages: number;
  /** The lower one of two middle values. */
  readonly medianImages: number;
  readonly mostImages: number;
  /** Identities with a single image. */
  readonly singletons: number;
  /** Images of each identity that has some, in order of label. */
  readonly perLabel: ReadonlyMap<number, number>;
}

/** Counts images per identity, by label. */
export function labelStatistics({ labels }: Pick<FaceDataset, 'labels'>): LabelStatistics {
  const counts = new Map<number, number>();
  for (const label of labels) {
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const perLabel = new Map([...counts].sort(([a], [b]) => a - b));
  const present = [...perLabel.keys()];
  const sizes = Int32Array.from(perLabel.values()).sort();
  const smallestLabel = present[0] ?? 0;
  const largestLabel = present.at(-1) ?? -1;
  return {
    images: labels.length,
    identities: present.length,
    smallestLabel,
    largestLabel,
    hasGaps: smallestLabel !== 0 || largestLabel + 1 !== present.length,
    fewestImages: sizes[0] ?? 0,
    meanImages: present.length === 0 ? 0 : labels.length / present.length,
    medianImages: sizes[(sizes.length - 1) >> 1] ?? 0,
    mostImages: sizes.at(-1) ?? 0,
    singletons: sizes.filter((size) => size === 1).length,
    perLabel,
  };
}
