/**
 * Recognises a dataset. A run that resumes on other data would silently become another run; comparing keys and labels
 * finds that out without reading an image.
 */
import type { FaceDataset } from '@arcface/recordio';
import { TwoLaneHash } from '../two-lane-hash.ts';

/** What tells one dataset from another. */
export interface DatasetFingerprint {
  readonly images: number;
  readonly classes: number;
  /** Hash of all keys and labels in data order (`two-lane-hash.ts`). */
  readonly hash: string;
}

/** The fingerprint of a dataset, from its keys and labels only. */
export function datasetFingerprint(dataset: FaceDataset): DatasetFingerprint {
  const hash = new TwoLaneHash();
  const classes = new Set<number>();
  for (let position = 0; position < dataset.length; position++) {
    const key = String(dataset.key(position));
    for (let i = 0; i < key.length; i++) hash.add(key.charCodeAt(i));
    const label = dataset.labels[position]!;
    classes.add(label);
    hash.add(0x1_0000); // what no character is: ends the key
    hash.add(label);
  }
  return { images: dataset.length, classes: classes.size, hash: hash.digits };
}
