/** Sorts what the user chose, or dropped onto the page, by what it is: names tell. */
import { IDENTITY_NAMES_FILE, IMAGE_EXTENSIONS } from '@arcface/recordio';
import { OpenError } from './open-error.ts';

/** A file with its path: within the chosen folder, or just its name. */
export interface ChosenFile {
  readonly path: string;
  readonly file: Blob;
}

export interface ChosenFiles {
  /** Name of the folder or of the first file. */
  readonly title: string;
  readonly records: ChosenFile | undefined;
  readonly index: ChosenFile | undefined;
  readonly property: ChosenFile | undefined;
  readonly names: ChosenFile | undefined;
  readonly audit: ChosenFile | undefined;
  readonly summary: ChosenFile | undefined;
  /** By key: `identity/image.jpg`. */
  readonly images: ReadonlyMap<string, Blob>;
  /** Networks and embeddings. */
  readonly models: readonly ChosenFile[];
}

const MODEL = /\.(onnx|safetensors|params|npy)$|-symbol\.json$/;

/** @throws {OpenError} when two images would have the same key */
export function sortFiles(files: readonly ChosenFile[]): ChosenFiles {
  const visible = files.filter(({ path }) => !path.split('/').some((part) => part.startsWith('.')));
  const named = (test: (name: string) => boolean): ChosenFile | undefined =>
    visible.find(({ path }) => test(nameOf(path)));
  const records = named((name) => name === 'train.rec') ?? named((name) => name.endsWith('.rec'));
  const indexName = records && nameOf(records.path).replace(/\.rec$/, '.idx');
  // Beside saved embeddings there is a list of their keys, which is no audit.
  const embedded = new Set(visible.flatMap(({ path }) => (path.endsWith('.npy') ? [stemOf(path)] : [])));
  const audits = visible.filter(({ path }) => /\.(jsonl|parquet)$/.test(path) && !embedded.has(stemOf(path)));
  const audit = audits.find(({ path }) => nameOf(path).startsWith('audit.')) ?? audits[0];
  const summaryName = audit && nameOf(audit.path).replace(/\.[^.]+$/, '.summary.json');
  const images = new Map<string, Blob>();
  for (const { path, file } of visible) {
    const parts = path.split('/');
    const extension = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
    if (parts.length < 2 || !IMAGE_EXTENSIONS.has(extension)) continue;
    const key = parts.slice(-2).join('/');
    if (images.has(key)) {
      throw new OpenError(
        `There are two images ${key}, the second one ${path}. Open the folder of one dataset: in it a folder for each identity.`,
      );
    }
    images.set(key, file);
  }
  return {
    title: visible[0]?.path.split('/')[0] ?? '',
    records,
    index: named((name) => name === indexName),
    property: named((name) => name === 'property'),
    names: named((name) => name === IDENTITY_NAMES_FILE),
    audit,
    summary: named((name) => name === summaryName) ?? named((name) => name === 'summary.json'),
    images,
    models: visible.filter(({ path }) => MODEL.test(path)),
  };
}

/** Whether there is something among the files to judge faces with: saved embeddings, or a network (MXNet's is two files). */
export function canEmbed(models: readonly ChosenFile[]): boolean {
  const has = (end: RegExp): boolean => models.some(({ path }) => end.test(path));
  return has(/\.(npy|onnx|safetensors)$/) || (has(PARAMS) && has(SYMBOL));
}

const PARAMS = /(-\d+)?\.params$/;
const SYMBOL = /-symbol\.json$/;
const PICKLE = /\.(pth?|ckpt|bin)$/;

/** Why files that were added to faces are not enough to judge them; undefined when none was added. */
export function whyNotEnough(added: readonly ChosenFile[]): string | undefined {
  const names = added.map(({ path }) => nameOf(path));
  const params = names.find((name) => PARAMS.test(name));
  const symbol = names.find((name) => SYMBOL.test(name));
  if (params !== undefined && symbol === undefined) {
    return `A network of MXNet is two files: add ${params.replace(PARAMS, '-symbol.json')}, too.`;
  }
  if (symbol !== undefined && params === undefined) {
    return `A network of MXNet is two files: add ${symbol.replace(SYMBOL, '-0000.params')} (or of another epoch), too.`;
  }
  const pickle = names.find((name) => PICKLE.test(name));
  if (pickle !== undefined) {
    return `${pickle} is not read: a pickle of PyTorch can run any program. Save its arrays alone, as .safetensors.`;
  }
  return names.length === 0 ? undefined : `${names[0]} is neither an audit, a network nor embeddings.`;
}

function stemOf(path: string): string {
  return nameOf(path).replace(/\.[^.]+$/, '');
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
