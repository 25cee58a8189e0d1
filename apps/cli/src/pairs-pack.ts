/** A verification pack (`lfw.bin`) as a file: read, with the file named in what is wrong with it. */
import { isRecordIOError, type PairsPack, readPairsPack } from '@arcface/recordio';
import { openFileSource } from '@arcface/recordio/node';
import { CommandError } from './cli/usage-error.ts';

/** @throws {CommandError} for a file that is no pack */
export async function readPack(
  path: string,
  signal?: AbortSignal,
): Promise<PairsPack & { readonly bytes: number }> {
  const source = await openFileSource(path);
  try {
    const pack = await readPairsPack(source, signal === undefined ? {} : { signal });
    return { ...pack, bytes: source.byteLength };
  } catch (error) {
    if (!isRecordIOError(error) || error.path !== undefined) throw error;
    throw new CommandError(`${path} is not a verification pack: ${error.message}`, { cause: error });
  } finally {
    await source.close();
  }
}
