import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { RecordIOError } from '../errors.ts';
import { type FaceRecordsSummary, type LabelledImage, writeFaceRecords } from '../face-record-writer.ts';
import type { IdentityNames } from '../identities.ts';
import type { RecordLayout } from '../record-dataset.ts';
import { fileError, systemCode } from './file-error.ts';
import { openFileSink } from './file-sink.ts';
import { IDENTITY_NAMES_FILE, serializeIdentityNames } from './identity-names.ts';

/** Options of {@link writeFaceDataset}. */
export interface WriteFaceDatasetOptions {
  /** In the InsightFace layout the images of an identity must come one after another. */
  readonly images: AsyncIterable<LabelledImage> | Iterable<LabelledImage>;
  /** Folder to be made. It may exist if it is empty. */
  readonly directory: string;
  readonly layout: RecordLayout;
  /** Image size in pixels for the `property` file. Default 112 x 112. */
  readonly property?: { readonly height: number; readonly width: number } | undefined;
  /** Names by label, kept in `identities.json` beside the records. */
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
  const target = resolve(directory);
  await checkOutput(target, overwrite);
  const staging = join(dirname(target), `.${basename(target)}.partial-${randomBytes(6).toString('hex')}`);
  try {
    await writing(directory, () => mkdir(staging, { recursive: true }));
    const summary = await writeInto(staging, options);
    await options.finish?.(staging);
    await moveIntoPlace(staging, target, overwrite);
    return { ...summary, path: join(directory, 'train.rec') };
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

async function writing<T>(directory: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw fileError('write-failed', `Cannot write ${directory}`, directory, error);
  }
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
    if (identityNames !== undefined) {
      await writeFile(join(staging, IDENTITY_NAMES_FILE), serializeIdentityNames(identityNames), {
        flush: true,
      });
    }
  });
  return summary;
}

async function checkOutput(target: string, overwrite: boolean): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(target);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return;
    }
    throw fileError(
      'output-exists',
      `${target} exists and is not a folder that can be written to`,
      target,
      error,
    );
  }
  if (entries.length > 0 && !overwrite) {
    throw new RecordIOError(
      'output-exists',
      `The folder ${target} is not empty; give another one, or set overwrite`,
      {
        path: target,
      },
    );
  }
}

async function moveIntoPlace(staging: string, target: string, overwrite: boolean): Promise<void> {
  await rmdir(target).catch(() => {});
  try {
    await rename(staging, target);
  } catch (error) {
    if (!overwrite) {
      throw fileError('output-exists', `Cannot put the finished dataset at ${target}`, target, error);
    }
    await writing(target, () => replaceFiles(staging, target));
  }
  await syncFolder(dirname(target));
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

/** Makes a rename last through a power cut, where the operating system allows opening a folder. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  if (handle !== undefined) {
    await handle.sync().catch(() => {});
    await handle.close();
  }
}
