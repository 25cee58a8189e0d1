/**
 * Images in files as a {@link FaceDataset}: a folder of folders (`identity/image.jpg`), or a `.lst` naming them.
 */
import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { ReadOptions } from '../byte-source.ts';
import { RecordIOError } from '../errors.ts';
import { checkedPosition, type FaceDataset, type FaceIdentity } from '../face-dataset.ts';
import { checkedLabel, identitiesFromLabels } from '../identities.ts';
import { IMAGE_EXTENSIONS } from '../image-extensions.ts';
import { parseImageList } from '../image-list.ts';
import { fileError } from './file-error.ts';
import { exists } from './staging.ts';

/** Something in a folder that is not part of the dataset. */
export interface IgnoredEntry {
  /** Relative to the dataset's root, with forward slashes. */
  readonly path: string;
  readonly reason:
    | 'hidden'
    | 'not an image'
    | 'not in an identity folder'
    | 'nested too deep'
    | 'no image in it'
    | 'broken link'
    | 'link to a folder above'
    | 'name is not UTF-8'
    | 'unreadable';
}

/** Options of {@link openFolderDataset}. */
export interface FolderDatasetOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called for everything that is left out, so that it can be logged. */
  readonly onIgnored?: ((entry: IgnoredEntry) => void) | undefined;
}

/**
 * Opens a folder of folders: each folder is an identity, each image file in it one of its images.
 *
 * Identities are ordered by folder name and images by file name, both by code units (`B` before `a`, the same on every
 * machine); the label is the identity's place in that order. Keys are `identity/file.jpg`. Files are not read until
 * asked for. Links are followed. Left out and reported to `onIgnored`: names that start with a dot, files without an
 * image extension, names that are not UTF-8, files beside the identity folders, folders within them, and identities
 * without any image. An identity with a single image is kept.
 *
 * @throws RecordIOError `not-found`, `read-failed`, or `empty-dataset` if no identity has an image
 */
export async function openFolderDataset(
  root: string,
  options: FolderDatasetOptions = {},
): Promise<FaceDataset> {
  const ignored = new Map<IgnoredEntry['reason'], string>();
  const ignore = (path: string, reason: IgnoredEntry['reason']): void => {
    options.onIgnored?.({ path, reason });
    if (!ignored.has(reason)) ignored.set(reason, path);
  };
  const keys: string[] = [];
  const labels: number[] = [];
  const identities: FaceIdentity[] = [];
  for (const entry of await sortedEntries(root)) {
    options.signal?.throwIfAborted();
    const kind = await kindOf(root, entry);
    if (entry.name.startsWith('.')) {
      ignore(entry.name, 'hidden');
    } else if (kind !== 'folder') {
      ignore(entry.name, kind === 'file' ? 'not in an identity folder' : kind);
    } else {
      const images = await identityImages(root, entry.name, ignore);
      const label = identities.length;
      if (images.length > 0) {
        const first = keys.length;
        identities.push({ label, name: entry.name, images: Int32Array.from(images, (_, i) => first + i) });
        for (const image of images) {
          keys.push(`${entry.name}/${image}`);
          labels.push(label);
        }
      }
    }
  }
  if (keys.length === 0) {
    throw new RecordIOError(
      'empty-dataset',
      `No image in ${root}: expected a folder of folders (identity/image.jpg), or a train.rec${whatIsThere(root, ignored)}`,
      { path: root },
    );
  }
  return fileDataset({
    paths: keys.map((key) => join(root, key)),
    keys,
    labels: Int32Array.from(labels),
    identities,
  });
}

/** Where the images may be instead, by the first thing that was left out for each reason. */
function whatIsThere(root: string, ignored: ReadonlyMap<IgnoredEntry['reason'], string>): string {
  const deep = ignored.get('nested too deep');
  if (deep !== undefined) {
    return `; but ${deep} is a folder again: name the folder that has the identities, such as ${join(root, dirname(deep))}`;
  }
  const loose = ignored.get('not in an identity folder');
  if (loose !== undefined && IMAGE_EXTENSIONS.has(extension(loose))) {
    return `; but ${loose} is in no identity's folder: make one for each person`;
  }
  return '';
}

async function identityImages(
  root: string,
  identity: string,
  ignore: (path: string, reason: IgnoredEntry['reason']) => void,
): Promise<string[]> {
  const images: string[] = [];
  const folder = join(root, identity);
  let entries: Dirent[];
  try {
    entries = await sortedEntries(folder);
  } catch {
    ignore(identity, 'unreadable');
    return images;
  }
  for (const entry of entries) {
    const path = `${identity}/${entry.name}`;
    const kind = await kindOf(folder, entry);
    if (entry.name.startsWith('.')) {
      ignore(path, 'hidden');
    } else if (kind !== 'file') {
      ignore(path, kind === 'folder' ? 'nested too deep' : kind);
    } else if (!IMAGE_EXTENSIONS.has(extension(entry.name))) {
      ignore(path, 'not an image');
    } else {
      images.push(entry.name);
    }
  }
  if (images.length === 0) {
    ignore(identity, 'no image in it');
  }
  return images;
}

async function sortedEntries(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw fileError('read-failed', `Cannot read the folder ${folder}`, folder, error);
  }
}

async function kindOf(
  folder: string,
  entry: Dirent,
): Promise<
  'file' | 'folder' | 'broken link' | 'link to a folder above' | 'name is not UTF-8' | 'not an image'
> {
  // The sign that stands for bytes that are no text; nothing has the name with the sign.
  if (entry.name.includes('\uFFFD') && !(await exists(join(folder, entry.name)))) {
    return 'name is not UTF-8';
  }
  if (entry.isDirectory()) {
    return 'folder';
  }
  if (entry.isFile()) {
    return 'file';
  }
  if (!entry.isSymbolicLink()) {
    return 'not an image';
  }
  try {
    const path = join(folder, entry.name);
    const target = await stat(path);
    if (!target.isDirectory()) {
      return target.isFile() ? 'file' : 'not an image';
    }
    const below = relative(await realpath(path), await realpath(folder));
    return leadsOutside(below) ? 'folder' : 'link to a folder above';
  } catch {
    return 'broken link';
  }
}

function extension(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1).toLowerCase();
}

/** Options of {@link openListDataset}. */
export interface ListDatasetOptions {
  readonly signal?: AbortSignal | undefined;
  /** Folder that the paths of the list are relative to. Default: the list's own. */
  readonly root?: string | undefined;
}

/**
 * Opens a `.lst`. Data order is the order of its lines, the label is the first one of a line, keys are the paths as
 * written. Whether a file exists shows when it is read.
 *
 * @throws RecordIOError `not-found`, `read-failed`, `list-syntax`, `bad-label`, `duplicate-key`, `empty-dataset`, or
 *   `path-outside` if a path leads out of `root` (give a `root` that has them all)
 */
export async function openListDataset(path: string, options: ListDatasetOptions = {}): Promise<FaceDataset> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path, { signal: options.signal });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw fileError('read-failed', `Cannot read ${path}`, path, error);
  }
  const entries = parseImageList(bytes);
  if (entries.length === 0) {
    throw new RecordIOError('empty-dataset', `The list ${path} names no image`, { path });
  }
  const root = await realRoot(options.root ?? dirname(path));
  const seen = new Set<string>();
  const paths = entries.map((entry) => {
    if (seen.has(entry.path)) {
      throw new RecordIOError('duplicate-key', `${entry.path} is in the list ${path} twice`, {
        path,
        key: entry.path,
      });
    }
    seen.add(entry.path);
    return pathWithin(root, entry.path);
  });
  const labels = Int32Array.from(entries, (entry) =>
    checkedLabel(entry.labels[0]!, { key: entry.path, path }),
  );
  return fileDataset({
    paths,
    keys: entries.map((entry) => entry.path),
    labels,
    identities: identitiesFromLabels(labels),
  });
}

async function realRoot(root: string): Promise<string> {
  try {
    return await realpath(root);
  } catch (error) {
    throw fileError(
      'read-failed',
      `Cannot open the folder ${root} that the list is relative to`,
      root,
      error,
    );
  }
}

/** Resolves a path that a file named, refusing those that lead out of `root`. */
export function pathWithin(root: string, path: string): string {
  const full = resolve(root, path);
  const inner = relative(resolve(root), full);
  if (inner === '' || leadsOutside(inner)) {
    throw new RecordIOError('path-outside', `${JSON.stringify(path)} leads out of the folder ${root}`, {
      path,
    });
  }
  return full;
}

/** Whether a relative path leaves the folder that it is relative to. */
function leadsOutside(path: string): boolean {
  return path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path);
}

interface FileDatasetParts {
  readonly paths: readonly string[];
  readonly keys: readonly string[];
  readonly labels: Int32Array;
  readonly identities: readonly FaceIdentity[];
}

function fileDataset({ paths, keys, labels, identities }: FileDatasetParts): FaceDataset {
  let closed = false;
  const keyAt = (position: number): string => keys[checkedPosition(position, keys.length)]!;
  return {
    length: keys.length,
    labels,
    identities,
    key: keyAt,
    async read(position, options) {
      const key = keyAt(position);
      if (closed) {
        throw new RecordIOError('closed', 'The dataset was closed');
      }
      return { key, label: labels[position]!, bytes: await readImage(paths[position]!, key, options) };
    },
    async close() {
      closed = true;
    },
  };
}

async function readImage(path: string, key: string, options: ReadOptions | undefined): Promise<Uint8Array> {
  try {
    const { buffer, byteOffset, length } = await readFile(path, { signal: options?.signal });
    return new Uint8Array(buffer, byteOffset, length);
  } catch (error) {
    options?.signal?.throwIfAborted();
    const { code, message } = fileError('read-failed', `Cannot read the image ${path}`, path, error);
    throw new RecordIOError(code, message, { path, key, cause: error });
  }
}
