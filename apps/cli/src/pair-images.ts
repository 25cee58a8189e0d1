/**
 * Pairs to verify on, from a pack (`lfw.bin`) or from a list of pairs and a folder of images, as a dataset in which every
 * image is there once, however many pairs it is in.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FaceDataset } from '@arcface/recordio';
import { identitiesFromLabels, readPairsPack } from '@arcface/recordio';
import { IMAGE_EXTENSIONS, openFileSource } from '@arcface/recordio/node';
import { lfwImageName, type PairImage, parsePairs } from '@arcface/trainer';
import { CommandError } from './cli/usage-error.ts';

export interface PairImages {
  /** Each image once; labels have no meaning. */
  readonly images: FaceDataset;
  /** Positions in `images`: rows 2i and 2i + 1 are pair i. */
  readonly rows: Int32Array;
  readonly isSame: readonly boolean[];
}

/** Reads a verification pack. */
export async function packedPairs(path: string): Promise<PairImages> {
  const source = await openFileSource(path);
  try {
    const { images, isSame } = await readPairsPack(source);
    return {
      images: imageDataset(
        images.length,
        (i) => `image ${i}`,
        async (i) => images[i]!,
      ),
      rows: Int32Array.from(images, (_, i) => i),
      isSame,
    };
  } finally {
    await source.close();
  }
}

/** Reads a list in LFW's format; images are `DIR/name/name_0001.jpg`. */
export async function listedPairs(list: string, directory: string): Promise<PairImages> {
  const { pairs } = parsePairs(await readFile(list, 'utf8'));
  const position = new Map<string, number>();
  const paths: string[] = [];
  const extensions = new Map<string, ReadonlyMap<string, string>>();
  const rows: number[] = [];
  for (const image of pairs.flatMap(({ first, second }) => [first, second])) {
    const name = lfwImageName(image);
    let row = position.get(name);
    if (row === undefined) {
      row = paths.length;
      position.set(name, row);
      paths.push(await locate(directory, image, extensions));
    }
    rows.push(row);
  }
  return {
    images: imageDataset(
      paths.length,
      (i) => paths[i]!,
      (i) => readFile(paths[i]!),
    ),
    rows: Int32Array.from(rows),
    isSame: pairs.map(({ same }) => same),
  };
}

/** The file of an image, whatever its extension. */
async function locate(
  directory: string,
  image: PairImage,
  folders: Map<string, ReadonlyMap<string, string>>,
): Promise<string> {
  const folder = join(directory, image.name);
  let files = folders.get(folder);
  if (files === undefined) {
    const names = existsSync(folder) ? await readdir(folder) : [];
    files = new Map(
      names
        .filter((file) => IMAGE_EXTENSIONS.has(file.slice(file.lastIndexOf('.') + 1).toLowerCase()))
        .map((file) => [file.slice(0, file.lastIndexOf('.')), file]),
    );
    folders.set(folder, files);
  }
  const file = files.get(lfwImageName(image));
  if (file !== undefined) return join(folder, file);
  throw new CommandError(
    `The list of pairs names image ${image.index} of ${image.name}, but there is no ${lfwImageName(image)}.jpg (or another image) in ${folder}.`,
  );
}

function imageDataset(
  length: number,
  key: (position: number) => string,
  read: (position: number) => Promise<Uint8Array>,
): FaceDataset {
  const labels = new Int32Array(length);
  return {
    length,
    labels,
    identities: identitiesFromLabels(labels),
    key,
    async read(position) {
      return { key: key(position), label: 0, bytes: await read(position) };
    },
    async close() {},
  };
}
