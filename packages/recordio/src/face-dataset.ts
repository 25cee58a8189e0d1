/** The one interface that all datasets have, whatever they are stored in. */
import type { ReadOptions } from './byte-source.ts';

/** One face image as it is stored. */
export interface FaceRecord {
  /** Record key (`.rec`) or path relative to the dataset's root (folders), unique within the dataset. */
  readonly key: number | string;
  /** The identity this image is said to show. */
  readonly label: number;
  /** The encoded image (JPEG, PNG, ...) exactly as stored. */
  readonly bytes: Uint8Array;
}

/** One person: a label, and the images that are said to show that person. */
export interface FaceIdentity {
  readonly label: number;
  /** The folder's name, where there is one. */
  readonly name?: string | undefined;
  /** Positions (not keys) of this identity's images in the dataset, ascending. */
  readonly images: Int32Array;
}

/**
 * Images with labels: an InsightFace `.rec`, a flat `.rec`, a `.lst`, a folder of folders, or a view of another dataset.
 * All labels are known without reading an image.
 */
export interface FaceDataset {
  /** Number of images. */
  readonly length: number;
  /** Label of every image, in data order. */
  readonly labels: Int32Array;
  /** Identities in the order in which the dataset lists them; an identity's index here is its *position*. */
  readonly identities: readonly FaceIdentity[];
  /** Key of the image at a position in data order. @throws RangeError for a position where there is none */
  key(position: number): number | string;
  /** Reads the image at a position in data order. @throws RangeError for a position where there is none */
  read(position: number, options?: ReadOptions): Promise<FaceRecord>;
  /** Releases what the dataset holds open. Reading afterwards is an error. */
  close(): Promise<void>;
}

/** Gives a position in data order as it is, or throws the `RangeError` that {@link FaceDataset.read} promises. */
export function checkedPosition(position: number, length: number): number {
  if (!(Number.isInteger(position) && position >= 0 && position < length)) {
    throw new RangeError(`There is no image at position ${position}: the dataset has ${length}`);
  }
  return position;
}
