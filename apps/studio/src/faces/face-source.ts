/**
 * Where the images are. Values of these types can be posted to a worker, which opens them there; nothing is read before a face is to
 * be seen, and of a record file only the index and the records of those faces.
 */
export type FaceSource = RecordFiles | ImageFiles | ServedImages;

/** A `.rec` and its `.idx`: files that the user chose, or addresses on this site. */
export interface RecordFiles {
  readonly kind: 'records';
  readonly records: Blob | string;
  readonly index: Blob | string | undefined;
}

/** A folder of folders that the user chose; keys are `identity/image.jpg`. */
export interface ImageFiles {
  readonly kind: 'files';
  readonly files: ReadonlyMap<string, Blob>;
}

/** A folder or list that `arcface studio` serves: an image is at `images` followed by its key. */
export interface ServedImages {
  readonly kind: 'served';
  readonly images: string;
  /** JSON lines with the dataset's keys, labels and names, in data order. */
  readonly listing: string;
}

/** The address of a served image. */
export function servedImage({ images }: ServedImages, key: number | string): string {
  return `${images}${encodeURIComponent(String(key))}`;
}
