/** A dataset as a folder of folders, an identity each, with a list. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FaceDataset } from '../face-dataset.ts';
import { IDENTITY_NAMES_FILE } from '../identity-names.ts';
import { imageExtension } from '../image-format.ts';
import { type ImageListEntry, serializeImageList } from '../image-list.ts';
import { openFileSink } from './file-sink.ts';
import { pathWithin } from './folder-dataset.ts';
import { folderNames } from './folder-names.ts';
import { replaceEntries, writeFolder } from './output-folder.ts';
import { writing } from './staging.ts';

/** Name of the list that {@link writeImageFolder} writes. */
export const IMAGE_LIST_FILE = 'images.lst';

/** What no identity's folder may be called: files that datasets have, of which one may be in the folder already. */
const RESERVED = [IMAGE_LIST_FILE, 'train.rec', 'train.idx', 'property', IDENTITY_NAMES_FILE];

/** Images written at a time, and lines of the list. */
const BATCH = 64;

/** Options of {@link writeImageFolder}. */
export interface WriteImageFolderOptions {
  readonly dataset: FaceDataset;
  /** Folder to be made. It may exist if it is empty. */
  readonly directory: string;
  /** Replaces identities' folders and the list in a folder that has some; others are left alone. Default false. */
  readonly overwrite?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the images and bytes of image written so far. */
  readonly onProgress?: ((images: number, bytes: number) => void) | undefined;
}

/** What was written. */
export interface ImageFolderSummary {
  readonly images: number;
  readonly identities: number;
  /** Bytes of image. */
  readonly bytes: number;
  /** Path of the list. */
  readonly list: string;
  /** Identities whose name cannot be a folder's (`..`, say, or one that two have), which is their label then. */
  readonly renamed: number;
  /** Images of a format that is not known, written with the extension `bin`. */
  readonly unknownFormat: number;
}

/**
 * Writes a dataset as a folder of folders, an identity each, and `images.lst`, which has every image's key, label and
 * path. Both can be opened with `openFaceDataset`; labels are the same through the list, and through the folders if
 * identities have no names and labels no gaps. Bytes are as they are stored; the extension is what they say.
 *
 * Nothing is written outside of the folder, whatever names and labels say: see `folderNames`. It gets its name when
 * everything is in it; on any error nothing is left.
 *
 * @throws RecordIOError `output-exists` if the folder has something in it and `overwrite` is not set; `write-failed`;
 *   and what reading the images throws
 */
export async function writeImageFolder(options: WriteImageFolderOptions): Promise<ImageFolderSummary> {
  const { dataset, directory, overwrite = false } = options;
  return writeFolder({
    directory,
    replace: overwrite ? replaceEntries : undefined,
    async write(staging) {
      const { names, renamed } = folderNames(dataset.identities, RESERVED);
      const written = await writeImages(staging, names, options);
      return {
        images: dataset.length,
        identities: dataset.identities.filter(({ images }) => images.length > 0).length,
        list: join(directory, IMAGE_LIST_FILE),
        renamed,
        ...written,
      };
    },
  });
}

async function writeImages(
  staging: string,
  names: readonly string[],
  { dataset, directory, signal, onProgress }: WriteImageFolderOptions,
): Promise<Pick<ImageFolderSummary, 'bytes' | 'unknownFormat'>> {
  const folders = foldersByPosition(dataset, names);
  for (const [identity, name] of names.entries()) {
    if (dataset.identities[identity]!.images.length > 0) {
      await writing(directory, () => mkdir(pathWithin(staging, name)));
    }
  }
  const { numberAt, largest } = fileNumbers(dataset);
  const digits = String(largest).length;
  let bytes = 0;
  let unknownFormat = 0;
  const writeImage = async (position: number): Promise<ImageListEntry> => {
    const { label, bytes: image } = await dataset.read(position, { signal });
    const extension = imageExtension(image);
    const index = numberAt(position);
    const path = `${folders(position)}/${String(index).padStart(digits, '0')}.${extension ?? 'bin'}`;
    await writing(directory, () => writeFile(pathWithin(staging, path), image, { flag: 'wx' }));
    bytes += image.length;
    unknownFormat += extension === undefined ? 1 : 0;
    return { index, labels: [label], path };
  };
  const list = (await openFileSink(join(staging, IMAGE_LIST_FILE))).getWriter();
  list.closed.catch(() => {});
  try {
    for (let start = 0; start < dataset.length; start += BATCH) {
      signal?.throwIfAborted();
      const count = Math.min(BATCH, dataset.length - start);
      const entries = await settled(Array.from({ length: count }, (_, i) => writeImage(start + i)));
      await list.write(serializeImageList(entries));
      onProgress?.(start + count, bytes);
    }
    await list.close();
  } catch (error) {
    await list.abort(error).catch(() => {});
    throw error;
  }
  return { bytes, unknownFormat };
}

/** Waits for all, so that nothing is still writing when an error is told. */
async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

function foldersByPosition(dataset: FaceDataset, names: readonly string[]): (position: number) => string {
  const identityOf = new Int32Array(dataset.length);
  for (const [identity, { images }] of dataset.identities.entries()) {
    for (const position of images) {
      identityOf[position] = identity;
    }
  }
  return (position) => names[identityOf[position]!]!;
}

/** What the files are called: keys, if these are numbers, else positions. */
function fileNumbers(dataset: FaceDataset): { numberAt: (position: number) => number; largest: number } {
  let largest = 0;
  for (let position = 0; position < dataset.length; position++) {
    const key = dataset.key(position);
    if (typeof key !== 'number') {
      return { numberAt: (at) => at, largest: dataset.length - 1 };
    }
    largest = Math.max(largest, key);
  }
  return { numberAt: (at) => dataset.key(at) as number, largest };
}
