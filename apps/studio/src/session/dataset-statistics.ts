/** How many images identities have: the shape of a dataset, before and after. */

export interface DatasetStatistics {
  readonly images: number;
  readonly identities: number;
  /** Images of the smallest, the middle and the largest identity. */
  readonly smallest: number;
  readonly median: number;
  readonly largest: number;
}

/** @param sizes Images by identity; identities without an image do not count. */
export function datasetStatistics(sizes: Int32Array): DatasetStatistics {
  const sorted = sizes.filter((size) => size > 0).sort();
  return {
    images: sorted.reduce((sum, size) => sum + size, 0),
    identities: sorted.length,
    smallest: sorted[0] ?? 0,
    median: sorted[sorted.length >> 1] ?? 0,
    largest: sorted.at(-1) ?? 0,
  };
}
