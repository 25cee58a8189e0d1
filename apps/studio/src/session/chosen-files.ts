/** Sorts what the user chose, or dropped onto the page, by what it is: names tell. */
import { IDENTITY_NAMES_FILE, IMAGE_EXTENSIONS } from '@arcface/recordio';

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

export function sortFiles(files: readonly ChosenFile[]): ChosenFiles {
  const visible = files.filter(({ path }) => !path.split('/').some((part) => part.startsWith('.')));
  const named = (test: (name: string) => boolean): ChosenFile | undefined =>
    visible.find(({ path }) => test(nameOf(path)));
  const records = named((name) => name === 'train.rec') ?? named((name) => name.endsWith('.rec'));
  const indexName = records && nameOf(records.path).replace(/\.rec$/, '.idx');
  const audits = visible.filter(({ path }) => /\.(jsonl|parquet)$/.test(path));
  const audit = audits.find(({ path }) => nameOf(path).startsWith('audit.')) ?? audits[0];
  const summaryName = audit && nameOf(audit.path).replace(/\.[^.]+$/, '.summary.json');
  const images = new Map<string, Blob>();
  for (const { path, file } of visible) {
    const parts = path.split('/');
    const extension = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
    if (parts.length >= 2 && IMAGE_EXTENSIONS.has(extension)) images.set(parts.slice(-2).join('/'), file);
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
  return has(/\.(npy|onnx|safetensors)$/) || (has(/\.params$/) && has(/-symbol\.json$/));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
