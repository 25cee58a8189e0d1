import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseProperty } from '../dataset-property.ts';
import type { RecordIOErrorCode } from '../errors.ts';
import type { FaceDataset } from '../face-dataset.ts';
import type { LabelledImage } from '../face-record-writer.ts';
import { dataFolder, oracleIsAbsent, sha256 } from '../testing/oracle.ts';
import type { IgnoredEntry } from './folder-dataset.ts';
import { openFaceDataset } from './open-face-dataset.ts';
import { writeFaceDataset } from './write-face-dataset.ts';

const run = promisify(execFile);

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recordio-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const image = (seed: number): Uint8Array => Uint8Array.from({ length: 20 + seed }, (_, i) => i * seed);

function* images(labels: readonly number[]): Generator<LabelledImage> {
  for (const [i, label] of labels.entries()) {
    yield { label, bytes: image(i) };
  }
}

async function save(path: string, content: string | Uint8Array = 'x'): Promise<void> {
  const full = join(folder, path);
  await mkdir(join(full, '..'), { recursive: true });
  await writeFile(full, content);
}

const keysOf = (dataset: FaceDataset): unknown[] =>
  Array.from({ length: dataset.length }, (_, i) => dataset.key(i));

async function expectCode(promise: Promise<unknown>, code: RecordIOErrorCode): Promise<void> {
  await expect(promise).rejects.toMatchObject({ name: 'RecordIOError', code });
}

describe('a folder of folders', () => {
  test('is ordered by code units, labelled by place, keyed by path', async () => {
    await save('people/b/2.jpg', image(3));
    await save('people/b/10.PNG');
    await save('people/a/one.webp');
    await save('people/B/x.jpeg');
    const dataset = await openFaceDataset(join(folder, 'people'));
    expect(keysOf(dataset)).toEqual(['B/x.jpeg', 'a/one.webp', 'b/10.PNG', 'b/2.jpg']);
    expect([...dataset.labels]).toEqual([0, 1, 2, 2]);
    expect(dataset.identities.map(({ name, images: own }) => [name, ...own])).toEqual([
      ['B', 0],
      ['a', 1],
      ['b', 2, 3],
    ]);
    expect(await dataset.read(3)).toEqual({ key: 'b/2.jpg', label: 2, bytes: image(3) });
    await dataset.close();
    await expectCode(dataset.read(0), 'closed');
  });

  test('reports what it leaves out', async () => {
    await save('people/a/1.jpg');
    await save('people/a/notes.txt');
    await save('people/a/.hidden.jpg');
    await save('people/a/deep/2.jpg');
    await save('people/empty/readme.md');
    await save('people/loose.jpg');
    await save('people/.git/x.jpg');
    await symlink('nowhere', join(folder, 'people/a/broken.jpg'));
    await symlink('self', join(folder, 'people/self'));
    await symlink('.', join(folder, 'people/loop'));
    const ignored: IgnoredEntry[] = [];
    const dataset = await openFaceDataset(join(folder, 'people'), {
      onIgnored: (entry) => ignored.push(entry),
    });
    expect(keysOf(dataset)).toEqual(['a/1.jpg']);
    const reasons = Object.fromEntries(ignored.map(({ path, reason }) => [path, reason]));
    expect(reasons).toMatchObject({
      '.git': 'hidden',
      'a/.hidden.jpg': 'hidden',
      'a/broken.jpg': 'broken link',
      'a/deep': 'nested too deep',
      'a/notes.txt': 'not an image',
      empty: 'no image in it',
      'loose.jpg': 'not in an identity folder',
      loop: 'link to a folder above',
      self: 'broken link',
    });
  });

  test('follows links to folders and files', async () => {
    await save('elsewhere/1.jpg');
    await mkdir(join(folder, 'people'));
    await symlink(join(folder, 'elsewhere'), join(folder, 'people/linked'));
    expect(keysOf(await openFaceDataset(join(folder, 'people')))).toEqual(['linked/1.jpg']);
  });

  test.each([[[]], [['a/notes.txt']], [['loose.jpg']]])('without an image is an error: %j', async (paths) => {
    await mkdir(join(folder, 'people'));
    for (const path of paths) {
      await save(`people/${path}`);
    }
    await expectCode(openFaceDataset(join(folder, 'people')), 'empty-dataset');
  });

  test('may have somebody in it who is called as a record file is', async () => {
    await save('people/train.rec/1.jpg');
    const dataset = await openFaceDataset(join(folder, 'people'));
    expect(keysOf(dataset)).toEqual(['train.rec/1.jpg']);
  });

  test('where its images may be instead is said', async () => {
    await save('split/train/anna/1.jpg');
    await expect(openFaceDataset(join(folder, 'split'))).rejects.toThrow(
      /but train\/anna is a folder again: name the folder that has the identities, such as .*split.train$/,
    );
    await save('loose/1.jpg');
    await expect(openFaceDataset(join(folder, 'loose'))).rejects.toThrow(
      /but 1\.jpg is in no identity's folder/,
    );
  });

  // Where the operating system takes any bytes for a name.
  test.skipIf(process.platform !== 'linux')('leaves out names that are no text, and says so', async () => {
    await save('people/a/1.jpg');
    const odd = (path: string): Buffer => Buffer.from(join(folder, path), 'latin1');
    await mkdir(odd('people/Zo\u00eb'));
    await writeFile(odd('people/Zo\u00eb/1.jpg'), 'x');
    await writeFile(odd('people/a/\u00e9t\u00e9.jpg'), 'x');
    await save('people/a/\uFFFD.jpg');
    const ignored: IgnoredEntry[] = [];
    const dataset = await openFaceDataset(join(folder, 'people'), {
      onIgnored: (entry) => ignored.push(entry),
    });
    expect(keysOf(dataset)).toEqual(['a/1.jpg', 'a/\uFFFD.jpg']);
    expect(ignored.map(({ path, reason }) => [path, reason])).toEqual([
      ['Zo\uFFFD', 'name is not UTF-8'],
      ['a/\uFFFDt\uFFFD.jpg', 'name is not UTF-8'],
    ]);
  });

  test('an image that is gone when it is read', async () => {
    await save('people/a/1.jpg');
    const dataset = await openFaceDataset(join(folder, 'people'));
    await rm(join(folder, 'people/a/1.jpg'));
    await expect(dataset.read(0)).rejects.toMatchObject({ code: 'not-found', key: 'a/1.jpg' });
  });
});

describe('a list', () => {
  test('keeps the order of its lines', async () => {
    await save('faces.lst', '7\t3.000000\tb/2.jpg\n2\t1\t0.5\ta/1.jpg\r\n');
    await save('b/2.jpg', image(4));
    const dataset = await openFaceDataset(join(folder, 'faces.lst'));
    expect(keysOf(dataset)).toEqual(['b/2.jpg', 'a/1.jpg']);
    expect([...dataset.labels]).toEqual([3, 1]);
    expect((await dataset.read(0)).bytes).toEqual(image(4));
    await expectCode(dataset.read(1), 'not-found');
  });

  test('below a folder that is not there is refused', async () => {
    await save('faces.lst', '0\t1\ta.jpg\n');
    const opening = openFaceDataset(join(folder, 'faces.lst'), { root: join(folder, 'nowhere') });
    await expect(opening).rejects.toMatchObject({ code: 'not-found', path: join(folder, 'nowhere') });
  });

  test.each<[string, RecordIOErrorCode]>([
    ['', 'empty-dataset'],
    ['0\t1\t../secret.jpg\n', 'path-outside'],
    ['0\t1\t/etc/hostname\n', 'path-outside'],
    ['0\t1\ta.jpg\n1\t1\ta.jpg\n', 'duplicate-key'],
    ['0\t1.5\ta.jpg\n', 'bad-label'],
    ['0\t-1\ta.jpg\n', 'bad-label'],
    ['0\ta.jpg\n', 'list-syntax'],
    ['0 1 a.jpg\n', 'list-syntax'],
    ['0\t0x1\ta.jpg\n', 'list-syntax'],
    ['0\t1\ta\0.jpg\n', 'list-syntax'],
    ['9007199254740993\t1\ta.jpg\n', 'list-syntax'],
  ])('%j is refused', async (text, code) => {
    await save('faces.lst', text);
    await expectCode(openFaceDataset(join(folder, 'faces.lst')), code);
  });
});

test.skipIf(process.platform === 'win32')('a pipe is refused without waiting for its other end', async () => {
  await run('mkfifo', [join(folder, 'train.rec')]);
  await expectCode(openFaceDataset(join(folder, 'train.rec')), 'read-failed');
});

describe('written records', () => {
  const labels = [3, 3, 0, 7, 7, 7];

  test.each(['insightface', 'flat'] as const)('layout %s reads back with names', async (layout) => {
    const directory = join(folder, 'out');
    const identityNames = new Map([
      [0, 'Ada\tL.'],
      [7, 'Grace'],
    ]);
    // The size is of other data, with other classes.
    const property = parseProperty('99,112,96');
    const summary = await writeFaceDataset({
      images: images(labels),
      directory,
      layout,
      identityNames,
      property,
    });
    expect(summary).toMatchObject({ images: 6, identities: 3, records: layout === 'flat' ? 6 : 10 });
    expect(await readFile(join(directory, 'property'), 'utf8')).toBe('8,112,96\n');
    for (const path of [directory, summary.path]) {
      for (const useIndex of [true, false]) {
        const dataset = await openFaceDataset(path, { useIndex });
        expect([...dataset.labels]).toEqual(labels);
        const order = layout === 'flat' ? [0, 3, 7] : [3, 0, 7];
        expect(dataset.identities.map(({ label }) => label)).toEqual(order);
        expect(dataset.identities.map(({ name }) => name)).toEqual(
          order.map((label) => identityNames.get(label)),
        );
        expect((await dataset.read(4)).bytes).toEqual(image(4));
        await dataset.close();
        await expectCode(dataset.read(4), 'closed');
      }
    }
    expect(await readdir(folder)).toEqual(['out']);
  });

  test('a folder with something in it is refused, and kept when overwritten', async () => {
    const directory = join(folder, 'out');
    await save('out/notes.txt', 'mine');
    await expectCode(writeFaceDataset({ images: images([0]), directory, layout: 'flat' }), 'output-exists');
    expect(await readdir(directory)).toEqual(['notes.txt']);
    for (const overwrite of [[0, 1], [5]]) {
      const identityNames = new Map<number, string>();
      const options = { directory, layout: 'flat', overwrite: true, identityNames } as const;
      await writeFaceDataset({ images: images(overwrite), ...options });
      const dataset = await openFaceDataset(directory);
      expect([...dataset.labels]).toEqual(overwrite);
      await dataset.close();
    }
    expect((await readdir(directory)).sort()).toEqual(['notes.txt', 'property', 'train.idx', 'train.rec']);
    expect(await readFile(join(directory, 'notes.txt'), 'utf8')).toBe('mine');
  });

  test('a name that is as long as one can be has room for nothing beside it', async () => {
    const directory = join(folder, 'é'.repeat(127));
    const { path } = await writeFaceDataset({ images: images([0]), directory, layout: 'flat' });
    expect((await openFaceDataset(path)).length).toBe(1);
    expect(await readdir(folder)).toHaveLength(1);
  });

  test('an empty folder is written to, a file is not', async () => {
    await mkdir(join(folder, 'out'));
    await writeFaceDataset({ images: images([0]), directory: join(folder, 'out'), layout: 'flat' });
    await save('file');
    const intoFile = writeFaceDataset({
      images: images([0]),
      directory: join(folder, 'file'),
      layout: 'flat',
    });
    await expectCode(intoFile, 'output-exists');
  });

  test.each<[string, RecordIOErrorCode, number[]]>([
    ['no images', 'empty-dataset', []],
    ['a label that comes back', 'label-not-contiguous', [0, 1, 0]],
    ['a fractional label', 'bad-label', [0.5]],
    ['a label that float32 rounds', 'bad-label', [2 ** 24 + 1]],
  ])('%s: error, and nothing is left', async (_, code, bad) => {
    const writing = writeFaceDataset({
      images: images(bad),
      directory: join(folder, 'out'),
      layout: 'insightface',
    });
    await expectCode(writing, code);
    expect(await readdir(folder)).toEqual([]);
  });

  test('an error in the images passes through, an abort stops, and nothing is left', async () => {
    async function* failing(): AsyncGenerator<LabelledImage> {
      yield* images([0, 0]);
      throw new Error('cannot decode');
    }
    const directory = join(folder, 'out');
    await expect(writeFaceDataset({ images: failing(), directory, layout: 'flat' })).rejects.toThrow(
      'cannot decode',
    );
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    const writing = writeFaceDataset({
      images: images([0, 0]),
      directory,
      layout: 'flat',
      signal: controller.signal,
      onProgress,
    });
    await expect(writing).rejects.toThrow(/abort/i);
    expect(await readdir(folder)).toEqual([]);
  });

  test('further files come with the dataset, or nothing does', async () => {
    const directory = join(folder, 'out');
    const finish = (staging: string): Promise<void> => writeFile(join(staging, 'audit.jsonl'), '{}\n');
    await writeFaceDataset({ images: images([0]), directory, layout: 'flat', finish });
    expect((await readdir(directory)).sort()).toEqual(['audit.jsonl', 'property', 'train.idx', 'train.rec']);
    const failing = async (): Promise<void> => {
      throw new Error('no audit');
    };
    const writing = writeFaceDataset({
      images: images([0]),
      directory: join(folder, 'two'),
      layout: 'flat',
      finish: failing,
    });
    await expect(writing).rejects.toThrow('no audit');
    expect(await readdir(folder)).toEqual(['out']);
  });

  test('a full disk is an error, and nothing is left', async () => {
    // A limit on the size of files fails a write in the same place as a full disk does.
    const script = `
      import { writeFaceDataset } from ${JSON.stringify(new URL('./write-face-dataset.ts', import.meta.url).href)};
      const image = { label: 0, bytes: new Uint8Array(100_000) };
      const images = (function* () { for (let i = 0; i < 200; i++) yield image; })();
      try {
        await writeFaceDataset({ images, directory: 'out', layout: 'flat' });
      } catch (error) {
        console.log(error.name, error.code);
      }`;
    await save('script.mts', script);
    const node = [process.execPath, '--import', import.meta.resolve('tsx'), 'script.mts'];
    const { stdout } = await run('sh', ['-c', 'ulimit -f 8192; exec "$@"', 'sh', ...node], { cwd: folder });
    expect(stdout.trim()).toBe('RecordIOError write-failed');
    expect(await readdir(folder)).toEqual(['script.mts']);
  });

  test('cut short, or with the index of another file', async () => {
    const first = await writeFaceDataset({
      images: images(labels),
      directory: join(folder, 'one'),
      layout: 'flat',
    });
    await writeFaceDataset({
      images: images([0, 0, 1]),
      directory: join(folder, 'two'),
      layout: 'insightface',
    });
    await writeFile(join(folder, 'one/train.idx'), await readFile(join(folder, 'two/train.idx')));
    await expect(openFaceDataset(first.path)).rejects.toMatchObject({
      code: 'index-not-a-record',
      path: first.path,
    });
    await truncate(first.path, (await stat(first.path)).size - 30);
    await expectCode(openFaceDataset(first.path, { useIndex: false }), 'truncated-payload');
    await truncate(first.path, 0);
    await expectCode(openFaceDataset(first.path, { useIndex: false }), 'empty-dataset');
  });

  test.each<[string, RecordIOErrorCode]>([
    ['missing.rec', 'not-found'],
    ['missing', 'not-found'],
    ['file.txt', 'not-a-dataset'],
  ])('%s cannot be opened', async (path, code) => {
    await save('file.txt');
    await expectCode(openFaceDataset(join(folder, path)), code);
  });
});

describe.skipIf(oracleIsAbsent)('records written by im2rec for another project (needs ../shared)', () => {
  test('hold the JPEGs that they were made of', async () => {
    const directory = join(dataFolder, 'rec/adaface');
    const dataset = await openFaceDataset(directory);
    expect([...dataset.labels]).toEqual([0, 1, 1, 1, 0, 1, 0, 0]);
    const files = await readdir(directory, { recursive: true });
    const jpegs = await Promise.all(
      files.filter((name) => name.endsWith('.jpg')).map((name) => readFile(join(directory, name))),
    );
    const sources = new Set(jpegs.map(sha256));
    for (let position = 0; position < dataset.length; position++) {
      expect(sources).toContain(sha256((await dataset.read(position)).bytes));
    }
    await dataset.close();
  });
});
