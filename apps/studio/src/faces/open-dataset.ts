/** The images as a dataset, with all their labels: for exporting, which reads everything anyway. */
import {
  type FaceDataset,
  type IdentityNames,
  identitiesFromLabels,
  openRecordDataset,
} from '@arcface/recordio';
import type { FaceSource, ImageFiles, ServedImages } from './face-source.ts';
import { byteSource, openImageReader } from './image-reader.ts';

/** @throws RecordIOError what is wrong with the files */
export async function openDataset(
  source: FaceSource,
  identityNames: IdentityNames | undefined,
): Promise<FaceDataset> {
  switch (source.kind) {
    case 'records':
      return openRecordDataset({
        records: await byteSource(source.records),
        index: source.index === undefined ? undefined : await byteSource(source.index),
        identityNames,
      });
    case 'files':
      return folderDataset(source);
    case 'served':
      return servedDataset(source);
  }
}

/** A chosen folder of folders, in the order that `openFolderDataset` of `@arcface/recordio/node` gives one on a disk. */
function folderDataset(source: ImageFiles): Promise<FaceDataset> {
  const folders = new Map<string, string[]>();
  for (const key of source.files.keys()) {
    const folder = key.slice(0, key.lastIndexOf('/'));
    const images = folders.get(folder);
    if (images === undefined) folders.set(folder, [key]);
    else images.push(key);
  }
  const names = [...folders.keys()].sort(byCodeUnits);
  return keyedDataset(source, {
    keys: names.flatMap((name) => folders.get(name)!.sort(byCodeUnits)),
    labels: Int32Array.from(names.flatMap((name, label) => folders.get(name)!.map(() => label))),
    names: new Map(names.map((name, label) => [label, name])),
  });
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

async function servedDataset(source: ServedImages): Promise<FaceDataset> {
  const response = await fetch(source.listing);
  if (!response.ok) throw new Error(`The list of images cannot be had: status ${response.status}.`);
  const rows = (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { key: number | string; label: number; identity?: string });
  return keyedDataset(source, {
    keys: rows.map(({ key }) => key),
    labels: Int32Array.from(rows, ({ label }) => label),
    names: new Map(
      rows.flatMap(({ label, identity }) => (identity === undefined ? [] : [[label, identity]])),
    ),
  });
}

async function keyedDataset(
  source: FaceSource,
  {
    keys,
    labels,
    names,
  }: {
    readonly keys: readonly (number | string)[];
    readonly labels: Int32Array;
    readonly names: IdentityNames;
  },
): Promise<FaceDataset> {
  const read = await openImageReader(source);
  return {
    length: keys.length,
    labels,
    identities: identitiesFromLabels(labels, names),
    key: (position) => keys[position]!,
    async read(position, options) {
      const key = keys[position]!;
      const image = await read(key, options?.signal);
      return { key, label: labels[position]!, bytes: new Uint8Array(await image.arrayBuffer()) };
    },
    close: () => Promise.resolve(),
  };
}
