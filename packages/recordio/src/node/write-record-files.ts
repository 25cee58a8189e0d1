/** A `.rec` and its `.idx`, which appear together or not at all. */
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RecordIOError } from '../errors.ts';
import { type DiscardableSink, openDiscardableSink } from './file-sink.ts';
import { exists, stagingPath, syncFolder, writing } from './staging.ts';

/** Options of {@link writeRecordFiles}. */
export interface WriteRecordFilesOptions<T> {
  /** The `.rec` to be made; the `.idx` gets its name. The folder must be there. */
  readonly path: string;
  /** Replaces both files. Default false. */
  readonly overwrite?: boolean | undefined;
  /** Writes and closes both streams. */
  readonly write: (streams: {
    readonly records: WritableStream<Uint8Array>;
    readonly index: WritableStream<Uint8Array>;
  }) => Promise<T>;
}

/** The path of the `.idx` that belongs to a `.rec`. */
export function indexPathOf(path: string): string {
  if (!path.endsWith('.rec')) {
    throw new RecordIOError('not-a-dataset', `The name of a record file ends in .rec, found ${path}`, {
      path,
    });
  }
  return path.replace(/\.rec$/, '.idx');
}

/**
 * Writes a `.rec` and its `.idx` under other names, and renames them when both are complete and on the disk. On any
 * error what was there before is still there, and nothing else. The files may be those that `write` reads from.
 *
 * @throws RecordIOError `output-exists` if one of the two is there and `overwrite` is not set; `write-failed`; and what
 *   `write` throws
 */
export async function writeRecordFiles<T>(options: WriteRecordFilesOptions<T>): Promise<T> {
  const { path, overwrite = false, write } = options;
  const indexPath = indexPathOf(path);
  const refuseExisting = async (): Promise<void> => {
    for (const file of overwrite ? [] : [path, indexPath]) {
      if (await exists(file)) {
        throw new RecordIOError('output-exists', `${file} exists; give another name, or set overwrite`, {
          path: file,
        });
      }
    }
  };
  await refuseExisting();
  const staged = { records: stagingPath(path), index: stagingPath(indexPath) };
  try {
    const result = await intoSinks([staged.records, staged.index], ([records, index]) =>
      write({ records: records!, index: index! }),
    );
    await refuseExisting();
    await writing(path, async () => {
      // Never new records with an old index: without one, records are found by walking.
      await rm(indexPath, { force: true });
      await rename(staged.records, path);
      await rename(staged.index, indexPath);
    });
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    await Promise.all([rm(staged.records, { force: true }), rm(staged.index, { force: true })]);
    throw error;
  }
}

/** Hands out streams into new files, and closes the files if anything fails, whoever has a lock on the streams then. */
async function intoSinks<T>(
  paths: readonly string[],
  write: (streams: readonly WritableStream<Uint8Array>[]) => Promise<T>,
): Promise<T> {
  const sinks: DiscardableSink[] = [];
  try {
    for (const path of paths) {
      sinks.push(await openDiscardableSink(path));
    }
    return await write(sinks.map(({ stream }) => stream));
  } catch (error) {
    await Promise.all(sinks.map((sink) => sink.discard(error)));
    throw error;
  }
}
