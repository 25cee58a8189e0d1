/** Which kind of dataset a path is, and opening it. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RecordIOError } from '../errors.ts';
import type { FaceDataset } from '../face-dataset.ts';
import { IDENTITY_NAMES_FILE } from '../identity-names.ts';
import { openRecordDataset, type RecordLayout } from '../record-dataset.ts';
import { fileError } from './file-error.ts';
import { type FileSource, openFileSource } from './file-source.ts';
import { type FolderDatasetOptions, openFolderDataset, openListDataset } from './folder-dataset.ts';
import { readIdentityNames } from './identity-names.ts';
import { exists } from './staging.ts';
import { indexPathOf } from './write-record-files.ts';

/** Options of {@link openFaceDataset}. */
export interface OpenFaceDatasetOptions extends FolderDatasetOptions {
  /** How a `.rec` is arranged. Default `'auto'`: what record 0 says. */
  readonly layout?: RecordLayout | 'auto' | undefined;
  /** The folder that a `.lst` is relative to. Default: the list's own. */
  readonly root?: string | undefined;
  /** Set to false to find records by walking through the `.rec` even when an `.idx` is there. Default true. */
  readonly useIndex?: boolean | undefined;
  /** Reads of a `.rec` up to this size are done on the calling thread while they are quick; see `openFileSource`. */
  readonly synchronousBytes?: number | undefined;
}

/**
 * Opens whatever holds labelled faces: a `.rec` (with the `.idx` beside it, or without), a folder with a `train.rec`,
 * a folder of folders, or a `.lst`. Close it when done.
 *
 * @throws RecordIOError `not-found`, `not-a-dataset`, or what is wrong with the files
 */
export async function openFaceDataset(
  path: string,
  options: OpenFaceDatasetOptions = {},
): Promise<FaceDataset> {
  options.signal?.throwIfAborted();
  if (await isFolder(path)) {
    const records = join(path, 'train.rec');
    // Somebody may be called so.
    const isRecords = (await exists(records)) && !(await isFolder(records));
    return isRecords ? openRecordFile(records, options) : openFolderDataset(path, options);
  }
  if (path.endsWith('.rec')) {
    return openRecordFile(path, options);
  }
  if (path.endsWith('.lst')) {
    return openListDataset(path, options);
  }
  throw new RecordIOError(
    'not-a-dataset',
    `${path} is neither a .rec, a .lst, a folder with a train.rec, nor a folder of folders`,
    { path },
  );
}

async function openRecordFile(path: string, options: OpenFaceDatasetOptions): Promise<FaceDataset> {
  const { layout, signal, useIndex = true, synchronousBytes } = options;
  const indexPath = indexPathOf(path);
  const sources: FileSource[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all(sources.map((source) => source.close()));
  };
  try {
    const records = await openFileSource(path, { synchronousBytes });
    sources.push(records);
    let index: FileSource | undefined;
    if (useIndex && (await exists(indexPath))) {
      index = await openFileSource(indexPath);
      sources.push(index);
    }
    const identityNames = await readIdentityNames(join(dirname(path), IDENTITY_NAMES_FILE));
    return await openRecordDataset({ records, index, layout, signal, identityNames, onClose: closeAll });
  } catch (error) {
    await closeAll();
    throw error instanceof RecordIOError && error.path === undefined
      ? withPath(error, path, indexPath)
      : error;
  }
}

/** Says in which of the two files something is wrong. */
function withPath(error: RecordIOError, path: string, indexPath: string): RecordIOError {
  const { code, message, offset, key } = error;
  const at = code === 'index-syntax' || code === 'index-duplicate-key' ? indexPath : path;
  return new RecordIOError(code, `${basename(at)}: ${message}`, { offset, key, path: at, cause: error });
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw fileError('read-failed', `Cannot open ${path}`, path, error);
  }
}
