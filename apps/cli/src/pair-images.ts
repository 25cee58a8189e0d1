/**
 * Pairs to verify on, from a pack (`lfw.bin`) or from a list of pairs and a folder of images, as a dataset in which every
 * image is there once, however many pairs it is in.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import type { FaceDataset } from '@arcface/recordio';
import { IMAGE_EXTENSIONS, identitiesFromLabels } from '@arcface/recordio';
import {
  type CfpProtocol,
  isPathPairs,
  lfwImageName,
  type PairImage,
  type PathPair,
  parseCfpPairs,
  parsePairs,
  parsePathPairs,
} from '@arcface/trainer';
import { CommandError } from './cli/usage-error.ts';
import { readPack } from './pairs-pack.ts';

export interface PairImages {
  /** Each image once; labels have no meaning. */
  readonly images: FaceDataset;
  /** Positions in `images`: rows 2i and 2i + 1 are pair i. */
  readonly rows: Int32Array;
  readonly isSame: readonly boolean[];
}

/**
 * What would be found out at the end, when all images are embedded.
 *
 * @param options.name of the pairs, for the message
 * @throws {CommandError} for pairs that cannot be verified on: none, only of one kind, or fewer than folds
 */
export function checkPairs(
  { isSame }: Pick<PairImages, 'isSame'>,
  { name, folds = 1 }: { readonly name: string; readonly folds?: number },
): void {
  const same = isSame.filter(Boolean).length;
  if (same === 0 || same === isSame.length) {
    throw new CommandError(
      `${name} has ${isSame.length} pairs, ${same} of them of one person; verification needs both kinds.`,
    );
  }
  if (isSame.length < folds) {
    throw new CommandError(
      `${name} has ${isSame.length} pairs, which cannot be split into ${folds} folds. Give --folds ${isSame.length} or fewer.`,
    );
  }
}

/** Reads a verification pack. */
export async function packedPairs(path: string): Promise<PairImages> {
  const { images, isSame } = await readPack(path);
  return {
    images: imageDataset(
      images.length,
      (i) => `image ${i}`,
      async (i) => images[i]!,
    ),
    rows: Int32Array.from(images, (_, i) => i),
    isSame,
  };
}

/**
 * Reads a list of pairs: LFW's format, whose images are `DIR/name/name_0001.jpg`; lines of `path path 0|1` below DIR; or a folder with
 * CFP's protocol, whose images are `DIR/Data/Images/...` or, where DIR is that folder already, below it.
 */
export async function listedPairs(list: string, directory: string): Promise<PairImages> {
  const info = await stat(list);
  if (info.isDirectory()) return pairsByPath(parseCfpPairs(await readCfpProtocol(list)), directory);
  const text = await readFile(list, 'utf8');
  if (isPathPairs(text)) return pairsByPath(parsePathPairs(text), directory);
  const { pairs } = parsePairs(text);
  const folders = new Map<string, ReadonlyMap<string, string>>();
  return pairDataset(pairs, lfwImageName, (image) => locate(directory, image, folders));
}

async function pairsByPath(pairs: readonly PathPair[], directory: string): Promise<PairImages> {
  return pairDataset(
    pairs,
    (path) => path,
    async (path) => {
      const places = [join(directory, path), join(directory, path.replace(/^Data\/Images\//, ''))];
      const place = places.find((candidate) => isBelow(directory, candidate) && existsSync(candidate));
      if (place !== undefined) return place;
      throw new CommandError(`The list of pairs names ${path}, but there is no such image in ${directory}.`);
    },
  );
}

/** A list comes from somebody else; it is not to make this read files elsewhere. */
function isBelow(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function readCfpProtocol(folder: string): Promise<CfpProtocol> {
  const text = (...names: string[]): Promise<string> => readFile(join(folder, ...names), 'utf8');
  const split = join('Split', 'FP');
  const folds = existsSync(join(folder, split)) ? (await readdir(join(folder, split))).sort() : [];
  if (folds.length === 0 || !existsSync(join(folder, 'Pair_list_F.txt'))) {
    throw new CommandError(
      `${folder} is a folder, but not CFP's protocol: expected Pair_list_F.txt, Pair_list_P.txt and Split/FP/01, 02, ... in it.`,
    );
  }
  return {
    frontal: await text('Pair_list_F.txt'),
    profile: await text('Pair_list_P.txt'),
    folds: await Promise.all(
      folds.map(async (fold) => ({
        same: await text(split, fold, 'same.txt'),
        different: await text(split, fold, 'diff.txt'),
      })),
    ),
  };
}

/** Pairs as a dataset in which every image is there once. */
async function pairDataset<T>(
  pairs: readonly { readonly first: T; readonly second: T; readonly same: boolean }[],
  nameOf: (image: T) => string,
  pathOf: (image: T) => Promise<string>,
): Promise<PairImages> {
  const position = new Map<string, number>();
  const paths: string[] = [];
  const rows: number[] = [];
  for (const image of pairs.flatMap(({ first, second }) => [first, second])) {
    const name = nameOf(image);
    let row = position.get(name);
    if (row === undefined) {
      row = paths.length;
      position.set(name, row);
      paths.push(await pathOf(image));
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
