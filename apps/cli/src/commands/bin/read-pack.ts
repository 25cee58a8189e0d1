import { isRecordIOError, type PairsPack, readPairsPack } from '@arcface/recordio';
import { openFileSource } from '@arcface/recordio/node';
import type { CommandContext } from '../../cli/define-command.ts';
import { CommandError } from '../../cli/usage-error.ts';

/** Reads a pack, and names the file in what is wrong with it. */
export async function readPack(
  path: string,
  { console, signal }: CommandContext,
): Promise<PairsPack & { readonly bytes: number }> {
  const source = await openFileSource(path);
  try {
    const progress = console.progress('reading', { total: source.byteLength, unit: 'bytes' });
    const pack = await readPairsPack(source, { signal });
    progress.update(source.byteLength);
    progress.stop();
    return { ...pack, bytes: source.byteLength };
  } catch (error) {
    if (!isRecordIOError(error) || error.path !== undefined) throw error;
    throw new CommandError(`${path} is not a verification pack: ${error.message}`);
  } finally {
    await source.close();
  }
}
