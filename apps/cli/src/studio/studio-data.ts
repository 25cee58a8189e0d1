/** What the studio is served: an audit with its dataset, as addresses below the server's own. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { FaceDataset } from '@arcface/recordio';
import { UsageError } from '../cli/usage-error.ts';

/** Files by address, relative to the server's root. */
export interface StudioFiles {
  /** `studio.json`, which the page reads first. Without an audit there is nothing to open. */
  readonly manifest: object;
  /** Paths on this machine by address. */
  readonly files: ReadonlyMap<string, string>;
}

export interface StudioDataOptions {
  /** A `.rec` or a folder with a train.rec; undefined for images in files. */
  readonly records: string | undefined;
  /** There is a dataset of images in files, which are served one by one. */
  readonly images: boolean;
  readonly title: string;
  readonly audit: string | undefined;
  readonly mask: boolean;
  /** Decisions are kept in a file, too. */
  readonly decisions: boolean;
}

/** Path of the record file that `--data` means, if it means one. */
export function recordFileOf(data: string): string | undefined {
  if (data.endsWith('.rec')) return data;
  const records = join(data, 'train.rec');
  return statSync(records, { throwIfNoEntry: false })?.isFile() ? records : undefined;
}

/** @throws {UsageError} when the audit is not there, or no file that the studio reads */
export function studioFiles(options: StudioDataOptions): StudioFiles {
  const { records, images, title, audit, mask, decisions } = options;
  const files = new Map<string, string>();
  if (audit === undefined) return { manifest: { served: true }, files };
  if (!/\.(jsonl|parquet)$/.test(audit)) {
    throw new UsageError(`The studio reads an audit as .jsonl or .parquet, found ${audit}.`);
  }
  if (!existsSync(audit) || !statSync(audit).isFile()) throw new UsageError(`There is no audit ${audit}.`);
  const add = (address: string, path: string): string | undefined => {
    if (!existsSync(path)) return undefined;
    files.set(address, resolve(path));
    return address;
  };
  const folder = records === undefined ? undefined : dirname(records);
  const summary =
    add('audit.summary.json', audit.replace(/\.[^.]+$/, '.summary.json')) ??
    add('audit.summary.json', join(dirname(audit), 'summary.json'));
  const manifest = {
    served: true,
    title,
    audit: add(basename(audit).replace(/^.*(\.[^.]+)$/, 'audit$1'), audit),
    summary,
    ...(records === undefined
      ? images
        ? { data: { kind: 'images', images: 'images/', listing: 'listing.jsonl' } }
        : {}
      : {
          data: {
            kind: 'records',
            records: add('data/train.rec', records),
            index: add('data/train.idx', records.replace(/\.rec$/, '.idx')),
            property: add('data/property', join(folder!, 'property')),
            names: add('data/identities.json', join(folder!, 'identities.json')),
          },
        }),
    ...(decisions ? { decisions: 'decisions' } : {}),
    mask,
  };
  return { manifest, files };
}

/** The dataset's keys, labels and names as JSON lines, in data order. */
export function* datasetListing({ length, labels, identities, key }: FaceDataset): Generator<string> {
  const names = new Map(identities.map(({ label, name }) => [label, name]));
  for (let position = 0; position < length; position++) {
    const label = labels[position]!;
    yield `${JSON.stringify({ key: key(position), label, identity: names.get(label) })}\n`;
  }
}
