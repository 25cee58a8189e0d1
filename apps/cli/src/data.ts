/** `DATA` as the user names it: a `.rec`, a folder with one, a folder of folders, or a `.lst`. */
import type { FaceDataset } from '@arcface/recordio';
import { type IgnoredEntry, type OpenFaceDatasetOptions, openFaceDataset } from '@arcface/recordio/node';
import type { CommandContext } from './cli/define-command.ts';
import { firstFew } from './cli/first-few.ts';

/** Opens a dataset; says what in it is ignored, and which identities have a single image. */
export async function openData(
  path: string,
  { console, signal }: CommandContext,
  options: Pick<OpenFaceDatasetOptions, 'layout' | 'root' | 'useIndex'> = {},
): Promise<FaceDataset> {
  const ignored: IgnoredEntry[] = [];
  const dataset = await openFaceDataset(path, {
    ...options,
    signal,
    onIgnored: (entry) => ignored.push(entry),
  });
  if (ignored.length > 0) {
    const files = firstFew(ignored, (entry) => `${entry.path} (${entry.reason})`);
    console.warn(`${path}: ignored ${files}`);
  }
  const single = dataset.identities.filter(({ images }) => images.length === 1).length;
  if (single > 0) {
    console.log(
      `${path}: ${single} of ${dataset.identities.length} identities have a single image; they stay in`,
    );
  }
  console.log(`${path}: ${dataset.length} images of ${dataset.identities.length} identities`);
  return dataset;
}

/** Warns about images that could not be decoded. */
export function reportUndecodable(
  images: readonly { readonly key: number | string; readonly reason?: string | undefined }[],
  { console }: CommandContext,
  policy: string,
): void {
  if (images.length === 0) return;
  const named = firstFew(images, ({ key, reason }) => `${key} (${reason?.split('\n')[0]})`);
  console.warn(`${images.length} images cannot be decoded and ${policy}: ${named}`);
}
