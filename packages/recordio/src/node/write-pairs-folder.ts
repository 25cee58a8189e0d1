/** A verification pack as a folder of images with a list of pairs, as LFW has it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageExtension } from '../image-format.ts';
import type { PairsPack } from '../pairs-pack.ts';
import { replaceEntries, writeFolder } from './output-folder.ts';
import { writing } from './staging.ts';

const PAIRS_FILE = 'pairs.txt';

/** Options of {@link writePairsFolder}. */
export interface WritePairsFolderOptions {
  readonly pack: PairsPack;
  /** Folder to be made. It may exist if it is empty. */
  readonly directory: string;
  /** Replaces the list and the pairs' folders in a folder that has some; others are left alone. Default false. */
  readonly overwrite?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after every pair with the pairs and bytes of image written so far. */
  readonly onProgress?: ((pairs: number, bytes: number) => void) | undefined;
}

/** What was written. */
export interface PairsFolderSummary {
  readonly pairs: number;
  /** Pairs of one person. */
  readonly same: number;
  /** Path of the list. */
  readonly list: string;
  /** Images of a format that is not known, written with the extension `bin`. */
  readonly unknownFormat: number;
}

/**
 * Writes a verification pack as LFW is laid out: `pairs.txt`, a line a pair in the order of the pack, and a folder of
 * images for each name in it. A pack does not say whose faces these are, so the two images of pair 7 are
 * `pair_7/pair_7_0001.jpg` and `pair_7_0002.jpg` if they show one person, else `pair_7a/pair_7a_0001.jpg` and
 * `pair_7b/pair_7b_0001.jpg`. The folder gets its name when everything is in it; on any error nothing is left.
 *
 * @throws RecordIOError `output-exists` if the folder has something in it and `overwrite` is not set; `write-failed`
 */
export async function writePairsFolder(options: WritePairsFolderOptions): Promise<PairsFolderSummary> {
  const { pack, directory, overwrite = false, signal, onProgress } = options;
  const digits = String(pack.isSame.length).length;
  let bytes = 0;
  let unknownFormat = 0;
  const writeImage = async (staging: string, name: string, number: number, image: Uint8Array) => {
    const extension = imageExtension(image);
    const file = `${name}_${String(number).padStart(4, '0')}.${extension ?? 'bin'}`;
    await writing(directory, async () => {
      await mkdir(join(staging, name), { recursive: true });
      await writeFile(join(staging, name, file), image);
    });
    bytes += image.length;
    unknownFormat += extension === undefined ? 1 : 0;
  };
  return writeFolder({
    directory,
    replace: overwrite ? replaceEntries : undefined,
    async write(staging) {
      let lines = '';
      for (const [pair, same] of pack.isSame.entries()) {
        signal?.throwIfAborted();
        const name = `pair_${String(pair + 1).padStart(digits, '0')}`;
        const [first, second] = [pack.images[2 * pair]!, pack.images[2 * pair + 1]!];
        await writeImage(staging, same ? name : `${name}a`, 1, first);
        await writeImage(staging, same ? name : `${name}b`, same ? 2 : 1, second);
        lines += same ? `${name}\t1\t2\n` : `${name}a\t1\t${name}b\t1\n`;
        onProgress?.(pair + 1, bytes);
      }
      await writing(directory, () => writeFile(join(staging, PAIRS_FILE), lines, { flush: true }));
      return {
        pairs: pack.isSame.length,
        same: pack.isSame.filter(Boolean).length,
        list: join(directory, PAIRS_FILE),
        unknownFormat,
      };
    },
  });
}
