/** A dataset as `train.rec`, `train.idx` and `property` in a folder, as the reference has it. */
import { readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FaceRecordsSummary, type LabelledImage, writeFaceRecords } from '../face-record-writer.ts';
import type { IdentityNames } from '../identities.ts';
import { IDENTITY_NAMES_FILE, serializeIdentityNames } from '../identity-names.ts';
import type { RecordLayout } from '../record-dataset.ts';
import { openFileSink } from './file-sink.ts';
import { writeFolder } from './output-folder.ts';
import { writing } from './staging.ts';

/** Options of {@link writeFaceDataset}. */
export interface WriteFaceDatasetOptions {
  /** In the InsightFace layout the images of an identity must come one after another. */
  readonly images: AsyncIterable<LabelledImage> | Iterable<LabelledImage>;
  /** Folder to be made. It may exist if it is empty. */
  readonly directory: string;
  readonly layout: RecordLayout;
  /** Image size in pixels for the `property` file. Default 112 x 112. */
  readonly property?: { readonly height: number; readonly width: number } | undefined;
  /** Names by label, kept in `identities.json` beside the records if there are any. */
  readonly identityNames?: IdentityNames | undefined;
  /** Replaces the dataset's files in a folder that has some; other files in it are left alone. Default false. */
  readonly overwrite?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after every image. */
  readonly onProgress?: ((images: number, bytes: number) => void) | undefined;
  /**
   * Writes further files into the folder it is given, after the records and before the folder gets its name: they are
   * there from the first moment on, or nothing is.
   */
  readonly finish?: ((directory: string) => Promise<void>) | undefined;
}

/** What was written, and where. */
export interface FaceDatasetSummary extends FaceRecordsSummary {
  /** The `.rec`. */
  readonly path: string;
}

/**
 * Writes `train.rec`, `train.idx` and `property` into a folder, byte for byte as the reference's builders do.
 *
 * Everything goes into a temporary folder beside it first, and into place only when complete and flushed to the disk;
 * on any error (a full disk, an aborted signal, an image that cannot be read) that folder is removed and nothing else
 * has changed. Memory does not grow with the number of images.
 *
 * @throws RecordIOError `output-exists` if the folder has something in it and `overwrite` is not set; `write-failed`;
 *   what {@link writeFaceRecords} throws; and whatever `images` throws
 */
export async function writeFaceDataset(options: WriteFaceDatasetOptions): Promise<FaceDatasetSummary> {
  const { directory, overwrite = false } = options;
  return writeFolder({
    directory,
    replace: overwrite ? replaceFiles : undefined,
    async write(staging) {
      const summary = await writeInto(staging, options);
      await options.finish?.(staging);
      return { ...summary, path: join(directory, 'train.rec') };
    },
  });
}

async function writeInto(staging: string, options: WriteFaceDatasetOptions): Promise<FaceRecordsSummary> {
  const { images, layout, property, identityNames, signal, onProgress } = options;
  const records = await openFileSink(join(staging, 'train.rec'));
  const index = await openFileSink(join(staging, 'train.idx')).catch(async (error: unknown) => {
    await records.abort(error);
    throw error;
  });
  const summary = await writeFaceRecords({ images, records, index, layout, property, signal, onProgress });
  await writing(staging, async () => {
    await writeFile(join(staging, 'property'), summary.property, { flush: true });
    if (identityNames !== undefined && identityNames.size > 0) {
      await writeFile(join(staging, IDENTITY_NAMES_FILE), serializeIdentityNames(identityNames), {
        flush: true,
      });
    }
  });
  return summary;
}

/** Without an index records are found by walking, so what stands there between two renames can be read or is refused. */
async function replaceFiles(staging: string, target: string): Promise<void> {
  await rm(join(target, 'train.idx'), { force: true });
  await rm(join(target, IDENTITY_NAMES_FILE), { force: true });
  for (const name of await readdir(staging)) {
    if (name !== 'train.idx') {
      await rename(join(staging, name), join(target, name));
    }
  }
  await rename(join(staging, 'train.idx'), join(target, 'train.idx'));
  await rmdir(staging);
}
