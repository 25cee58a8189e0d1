import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FaceDataset } from '../face-dataset.ts';
import { identitiesFromLabels } from '../identities.ts';
import { folderNames } from './folder-names.ts';
import { openFaceDataset } from './open-face-dataset.ts';
import { writeImageFolder } from './write-image-folder.ts';
import { writeRecordFiles } from './write-record-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordio-write-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Images that only begin like JPEG. */
function dataset(labels: readonly number[], names?: ReadonlyMap<number, string>): FaceDataset {
  const all = Int32Array.from(labels);
  return {
    length: labels.length,
    labels: all,
    identities: identitiesFromLabels(all, names),
    key: (position) => 10 * position,
    async read(position) {
      const bytes = Uint8Array.of(0xff, 0xd8, 0xff, position);
      return { key: 10 * position, label: labels[position]!, bytes };
    },
    async close() {},
  };
}

describe('names of folders', () => {
  const named = (...names: (string | undefined)[]) =>
    folderNames(
      names.map((name, label) => ({ label, name })),
      ['images.lst'],
    ).names;

  test.each([
    '../../etc',
    '..',
    '.',
    '',
    '/etc',
    'C:\\x',
    'a/b',
    'a\\b',
    '.hidden',
    'a\0b',
    'line\nfeed',
    'NUL',
    'com1.txt',
    'ends.',
    ' blank',
    '\u202Egpj',
    '\uD800',
    'x'.repeat(300),
    'Images.LST',
    '-rf',
    '~',
  ])('%j is no name of a folder', (name) => {
    expect(named(name)).toEqual(['0']);
  });

  test('are plain names, and labels where two have one name', () => {
    expect(named('Zoë', 'Ann', undefined, 'ann', '李 明')).toEqual(['Zoë', '1', '2', '3', '李 明']);
    expect(named('1', '..')).toEqual(['1', '_1']);
  });

  test('labels sort as numbers do', () => {
    expect(folderNames([{ label: 2 }, { label: 30 }, { label: 100 }], []).names).toEqual([
      '002',
      '030',
      '100',
    ]);
  });
});

describe('a dataset as a folder of folders', () => {
  test('comes back through the folders and through the list', async () => {
    const directory = join(folder, 'out');
    const names = new Map([
      [0, 'Ann'],
      [1, '../../Bob'],
    ]);
    const summary = await writeImageFolder({ dataset: dataset([1, 0, 1], names), directory });
    expect(summary).toMatchObject({ images: 3, identities: 2, bytes: 12, renamed: 1, unknownFormat: 0 });
    expect(readdirSync(folder)).toEqual(['out']);
    expect(readdirSync(directory, { recursive: true }).sort()).toEqual(
      ['1', '1/00.jpg', '1/20.jpg', 'Ann', 'Ann/10.jpg', 'images.lst'].sort(),
    );
    const list = await openFaceDataset(summary.list);
    expect([...list.labels]).toEqual([1, 0, 1]);
    expect((await list.read(2)).bytes).toEqual(Uint8Array.of(0xff, 0xd8, 0xff, 2));
    expect((await openFaceDataset(directory)).length).toBe(3);
  });

  test('does not follow links in a folder that is overwritten', async () => {
    const directory = join(folder, 'out');
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(directory);
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'precious'), '');
    writeFileSync(join(directory, 'mine.txt'), 'mine');
    symlinkSync(elsewhere, join(directory, '0'));
    await expect(writeImageFolder({ dataset: dataset([0]), directory })).rejects.toMatchObject({
      code: 'output-exists',
    });
    await writeImageFolder({ dataset: dataset([0]), directory, overwrite: true });
    expect(readdirSync(elsewhere)).toEqual(['precious']);
    expect(readdirSync(join(directory, '0'))).toEqual(['0.jpg']);
    expect(readFileSync(join(directory, 'mine.txt'), 'utf8')).toBe('mine');
    expect(readdirSync(folder).sort()).toEqual(['elsewhere', 'out']);
  });

  test('leaves nothing behind when an image cannot be read or the signal is aborted', async () => {
    const broken = { ...dataset([0, 0]), read: () => Promise.reject(new Error('gone')) };
    await expect(writeImageFolder({ dataset: broken, directory: join(folder, 'out') })).rejects.toThrow(
      'gone',
    );
    const signal = AbortSignal.abort();
    const writing = writeImageFolder({ dataset: dataset([0]), directory: join(folder, 'out'), signal });
    await expect(writing).rejects.toMatchObject({ name: 'AbortError' });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a record file and its index', () => {
  const write = (path: string, text: string, overwrite?: boolean) =>
    writeRecordFiles({
      path,
      overwrite,
      async write({ records, index }) {
        for (const stream of [records, index]) {
          const writer = stream.getWriter();
          await writer.write(new TextEncoder().encode(text));
          if (text === 'fails') throw new Error('fails');
          await writer.close();
        }
      },
    });

  test('are both there, or what was there before', async () => {
    const path = join(folder, 'a.rec');
    await expect(write(path, 'fails')).rejects.toThrow('fails');
    expect(readdirSync(folder)).toEqual([]);
    await write(path, 'first');
    await expect(write(path, 'second')).rejects.toMatchObject({ code: 'output-exists' });
    await expect(write(path, 'fails', true)).rejects.toThrow('fails');
    expect(readFileSync(path, 'utf8')).toBe('first');
    await write(path, 'second', true);
    expect(['a.rec', 'a.idx'].map((file) => readFileSync(join(folder, file), 'utf8'))).toEqual([
      'second',
      'second',
    ]);
    expect(readdirSync(folder)).toHaveLength(2);
  });

  test('are closed when what writes them forgets to', async () => {
    const writing = writeRecordFiles({
      path: join(folder, 'a.rec'),
      async write({ records, index }) {
        records.getWriter();
        index.getWriter();
        throw new Error('fails');
      },
    });
    await expect(writing).rejects.toThrow('fails');
    expect(readdirSync(folder)).toEqual([]);
    expect(openFilesIn(folder)).toEqual([]);
  });

  test('need a name that ends in .rec, and a folder', async () => {
    await expect(write(join(folder, 'a.bin'), 'x')).rejects.toMatchObject({ code: 'not-a-dataset' });
    await expect(write(join(folder, 'none', 'a.rec'), 'x')).rejects.toMatchObject({ name: 'RecordIOError' });
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});

/** What this process has open in a folder, deleted or not; nothing where the system does not tell. */
function openFilesIn(directory: string): string[] {
  const descriptors = '/proc/self/fd';
  if (!existsSync(descriptors)) return [];
  const targets = readdirSync(descriptors).map((descriptor) => {
    try {
      return readlinkSync(join(descriptors, descriptor));
    } catch {
      // The one that listed them.
      return '';
    }
  });
  return targets.filter((target) => target.startsWith(realpathSync(directory)));
}
