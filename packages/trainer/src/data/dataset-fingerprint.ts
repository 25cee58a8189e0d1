/**
 * Recognises a dataset. A run that resumes on other data would silently become another run; comparing keys and labels
 * finds that out without reading an image.
 */
import type { FaceDataset } from '@arcface/recordio';

/** What tells one dataset from another. */
export interface DatasetFingerprint {
  readonly images: number;
  readonly classes: number;
  /** FNV-1a (two 32-bit lanes, hexadecimal) of all keys and labels in data order. Not cryptographic. */
  readonly hash: string;
}

/** The fingerprint of a dataset, from its keys and labels only. */
export function datasetFingerprint(dataset: FaceDataset): DatasetFingerprint {
  let a = 0x811c9dc5;
  let b = 0x050c5d1f;
  const add = (value: number): void => {
    a = Math.imul(a ^ value, 0x01000193);
    b = Math.imul(b ^ (value + 0x5bd1), 0x01000193);
  };
  const classes = new Set<number>();
  for (let position = 0; position < dataset.length; position++) {
    const key = String(dataset.key(position));
    for (let i = 0; i < key.length; i++) add(key.charCodeAt(i));
    const label = dataset.labels[position]!;
    classes.add(label);
    add(0x1_0000); // what no character is: ends the key
    add(label);
  }
  const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
  return { images: dataset.length, classes: classes.size, hash: hex(a) + hex(b) };
}
