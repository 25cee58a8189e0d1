/** The size of a dataset's images, for the `property` file beside records. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type FaceDataset, imageExtension, isRecordIOError, parseProperty } from '@arcface/recordio';
import { CommandError } from './cli/usage-error.ts';
import { openImage } from './decode.ts';

/** Pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/**
 * What the dataset's own `property` file states; without one, what the first image has.
 *
 * @throws {CommandError} naming the file when it says something else
 */
export async function imageSizeOf(data: string, dataset: FaceDataset): Promise<ImageSize | undefined> {
  return (await statedImageSize(data)) ?? firstImageSize(dataset);
}

async function statedImageSize(data: string): Promise<ImageSize | undefined> {
  const folder = (await stat(data)).isDirectory() ? data : dirname(data);
  const path = join(folder, 'property');
  // A person's folder may have that name.
  if (!(await stat(path).catch(() => undefined))?.isFile()) return undefined;
  try {
    const { height, width } = parseProperty(await readFile(path, 'utf8'));
    return { height, width };
  } catch (error) {
    if (!isRecordIOError(error)) throw error;
    throw new CommandError(`${path}: ${error.message}. Correct it, or move it away.`);
  }
}

/** Nothing if the image cannot be decoded, which training will have to say something about. */
export async function firstImageSize(dataset: FaceDataset): Promise<ImageSize | undefined> {
  const { bytes } = await dataset.read(0);
  try {
    const { height, width, autoOrient } = await openImage(bytes).metadata();
    return imageExtension(bytes) === 'jpg' ? autoOrient : { height, width };
  } catch {
    return undefined;
  }
}
