import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeImageRecord, encodeRecord } from '@arcface/recordio';
import { openFaceDataset } from '@arcface/recordio/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Outcome, runInProcess } from '../../testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from '../../testing/striped-faces.ts';

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const rec = (...args: string[]) => runInProcess('rec', ...args);

/** Runs a command that must succeed, for its JSON. */
async function result<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  const outcome = await rec(...args, '--json');
  expect(outcome.stderr).not.toContain('error');
  expect(outcome.exitCode).toBe(0);
  return JSON.parse(outcome.stdout) as T;
}

function refused({ exitCode, stdout, stderr }: Outcome, message: RegExp, code = 1): void {
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at .*:\d+:\d+/);
  expect(stdout).toBe('');
  expect(exitCode).toBe(code);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-rec-'));
  await writeStripedFaces(at('faces'), { identities: 3, images: 4 });
  await writeStripedFaces(at('others'), { identities: 2, images: 2, first: 2 });
  await result('pack', at('faces'), '--output', at('packed'));
  await result('pack', at('others'), '--output', at('packed-others'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every image with its label, sorted. */
async function contents(path: string): Promise<string[]> {
  const dataset = await openFaceDataset(path);
  const all: string[] = [];
  for (let position = 0; position < dataset.length; position++) {
    const { label, bytes } = await dataset.read(position);
    all.push(`${label} ${Buffer.from(bytes).toString('base64')}`);
  }
  await dataset.close();
  return all.sort();
}

describe('pack and unpack', () => {
  test.each([
    ['insightface', 16],
    ['flat', 12],
  ])('layout %s', async (layout, records) => {
    const output = at(`packed-${layout}`);
    const packed = await result('pack', at('faces'), '--output', output, '--layout', layout);
    expect(packed).toMatchObject({
      records,
      images: 12,
      identities: 3,
      layout,
      output: join(output, 'train.rec'),
    });
    expect(readFileSync(join(output, 'property'), 'utf8')).toBe(`3,${SIDE},${SIDE}\n`);
    expect(await contents(output)).toEqual(await contents(at('faces')));
    expect(await result('info', output)).toMatchObject({ records, images: 12, identities: 3, layout });
    // Names are kept beside the records, and are the folders' again.
    const photos = at(`photos-${layout}`);
    expect(await result('unpack', output, '--output', photos)).toMatchObject({ images: 12, identities: 3 });
    expect(readdirSync(photos)).toEqual(['images.lst', 'person-00', 'person-01', 'person-02']);
    expect(await contents(photos)).toEqual(await contents(at('faces')));
  });

  test('a .rec as output, and a list as input', async () => {
    await result('unpack', at('packed'), '--output', at('listed'));
    const { output, index } = await result(
      'pack',
      at('listed', 'images.lst'),
      '--output',
      at('one.rec'),
      '--layout',
      'flat',
    );
    expect([output, index]).toEqual([at('one.rec'), at('one.idx')]);
    expect(await contents(at('one.rec'))).toEqual(await contents(at('faces')));
  });

  test('names that lead elsewhere stay inside', async () => {
    const output = at('hostile');
    await result('pack', at('faces'), '--output', output);
    const names = { 0: '../../escaped', 1: '/tmp/arcface-escaped', 2: 'person' };
    writeFileSync(join(output, 'identities.json'), JSON.stringify(names));
    const before = readdirSync(folder).length;
    const outcome = await rec('unpack', output, '--output', at('inside'));
    expect(outcome.stderr).toMatch(/2 identities have names that cannot be folders/);
    expect(readdirSync(at('inside'))).toEqual(['0', '1', 'images.lst', 'person']);
    expect(readdirSync(folder)).toHaveLength(before + 1);
  });

  test('what is no image is written all the same', async () => {
    const payload = encodeImageRecord({ label: 0, id: 7, content: new Uint8Array(5) });
    writeFileSync(at('strange.rec'), encodeRecord(payload));
    const outcome = await rec('unpack', at('strange.rec'), '--output', at('strange'));
    expect(outcome.stderr).toMatch(/1 images are of no known format/);
    expect(readFileSync(at('strange', '0', '7.bin'))).toHaveLength(5);
  });
});

describe('shuffle and merge', () => {
  test('a shuffle has the same images, in an order of the seed', async () => {
    const output = at('shuffled');
    expect(await result('shuffle', at('packed'), '--output', output, '--seed', '5')).toMatchObject({
      records: 12,
      leftOut: 4,
      seed: 5,
    });
    expect(await contents(output)).toEqual(await contents(at('faces')));
    expect(readFileSync(join(output, 'property'), 'utf8')).toBe(`3,${SIDE},${SIDE}\n`);
    const { stdout } = await rec('ls', output, '--json');
    const listed = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { key: number; id: number });
    const keys = listed.map(({ key }) => key);
    expect(keys).not.toEqual(keys.toSorted((a, b) => a - b));
    // Keys stay with their records.
    expect(keys).toEqual(listed.map(({ id }) => id));
    await result('shuffle', at('packed'), '--output', at('again.rec'), '--seed', '5');
    expect(readFileSync(at('again.rec'))).toEqual(readFileSync(join(output, 'train.rec')));
    await result('shuffle', at('packed'), '--output', at('again.rec'), '--seed', '6', '--overwrite');
    expect(readFileSync(at('again.rec'))).not.toEqual(readFileSync(join(output, 'train.rec')));
  });

  test.each([
    ['apart', 5],
    ['by-label', 3],
    ['by-name', 4],
  ])('merge, identities %s', async (identities, count) => {
    const output = at(`merged-${identities}`);
    const merged = await result(
      'merge',
      at('packed'),
      at('packed-others', 'train.rec'),
      '--output',
      output,
      '--identities',
      identities,
    );
    expect(merged).toMatchObject({ images: 16, identities: count, layout: 'insightface' });
    expect(await result('verify', output)).toMatchObject({ faultCount: 0 });
  });

  test('merge --raw joins records as they are', async () => {
    for (const name of ['x', 'y']) {
      writeFileSync(
        at(`${name}.rec`),
        Buffer.concat([1, 2].map((byte) => encodeRecord(new Uint8Array(9).fill(byte)))),
      );
    }
    const output = at('xy.rec');
    expect(await result('merge', at('x.rec'), at('y.rec'), '--raw', '--output', output)).toMatchObject({
      records: 4,
      keys: 'places',
    });
    expect(readFileSync(output)).toEqual(
      Buffer.concat([readFileSync(at('x.rec')), readFileSync(at('y.rec'))]),
    );
    refused(
      await rec('merge', at('packed'), at('x.rec'), '--raw', '--output', at('no.rec')),
      /has identity records/,
    );
    expect(readdirSync(folder)).not.toContain('no.rec');
  });
});

describe('index, cat and ls', () => {
  test('an index is not replaced without being told to', async () => {
    mkdirSync(at('reindexed'));
    for (const name of ['train.rec', 'train.idx']) {
      writeFileSync(at('reindexed', name), readFileSync(at('packed', name)));
    }
    refused(await rec('index', at('reindexed')), /train\.idx exists.*--overwrite/);
    writeFileSync(at('reindexed', 'train.idx'), 'rubbish');
    refused(await rec('info', at('reindexed')), /index.*rubbish/);
    expect(await result('index', at('reindexed'), '--overwrite')).toMatchObject({
      records: 16,
      keysFrom: 'ids',
    });
    expect(readFileSync(at('reindexed', 'train.idx'))).toEqual(readFileSync(at('packed', 'train.idx')));
  });

  test('a record by key, by offset, with and without an index, to a file', async () => {
    const image = readFileSync(at('faces', 'person-00', '01.jpg'));
    expect(Buffer.from((await rec('cat', at('packed'), '2')).bytes)).toEqual(image);
    expect(Buffer.from((await rec('cat', at('packed'), '2', '--no-index')).bytes)).toEqual(image);
    const row = await result<{ offset: number; length: number }>('cat', at('packed'), '2');
    expect(row).toMatchObject({ key: 2, length: image.length, flag: 0, labels: [0], id: 2, id2: 0 });
    expect(Buffer.from((await rec('cat', at('packed'), '--offset', String(row.offset))).bytes)).toEqual(
      image,
    );
    expect(await result('cat', at('packed'), '2', '--output', at('face.jpg'))).toMatchObject({
      output: at('face.jpg'),
    });
    expect(readFileSync(at('face.jpg'))).toEqual(image);
    refused(await rec('cat', at('packed'), '2', '--output', at('face.jpg')), /face\.jpg exists/);
  });

  test('ls for people has a line a record', async () => {
    const { stdout } = await rec('ls', at('packed'));
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      'key\toffset\tlength\tflag\tid\tid2\tlabels',
      expect.stringMatching(/^1\t0\t\d+\t0\t1\t0\t0$/),
    ]);
    expect(stdout.trimEnd().split('\n')).toHaveLength(17);
  });

  test('ids past 2^53 are digits', async () => {
    const ids = [2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n];
    writeFileSync(
      at('ids.rec'),
      Buffer.concat(ids.map((id) => encodeRecord(encodeImageRecord({ label: 1, id })))),
    );
    const { stdout } = await rec('ls', at('ids.rec'), '--json');
    const listed = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: unknown }).id);
    expect(listed).toEqual([2 ** 53, '9007199254740993', '18446744073709551615']);
  });

  test('a record that the index does not have has no key', async () => {
    writeFileSync(at('short.rec'), readFileSync(at('packed', 'train.rec')));
    writeFileSync(at('short.idx'), '1\t0\n');
    const { stdout, stderr } = await rec('ls', at('short.rec'), '--json');
    expect(JSON.parse(stdout.split('\n')[1]!)).toMatchObject({ key: null, id: 2 });
    expect(stderr).toMatch(/the index does not have 15 of the records/);
    refused(await rec('shuffle', at('short.rec'), '--output', at('no')), /index does not have/);
  });
});

describe('damage', () => {
  test('repair says how to go on when identity records no longer fit', async () => {
    const bytes = readFileSync(at('packed', 'train.rec'));
    const { offset } = await result<{ offset: number }>('cat', at('packed'), '6');
    bytes[offset] = 0;
    writeFileSync(at('hurt.rec'), bytes);
    expect((await rec('verify', at('hurt.rec'))).exitCode).toBe(1);
    const { stdout, stderr } = await rec('repair', at('hurt.rec'), '--output', at('healed.rec'), '--json');
    expect(JSON.parse(stdout)).toMatchObject({ records: 15, lost: [{ offset, fault: 'bad-magic' }] });
    expect(stderr).toMatch(/rec pack .*healed\.rec --input-layout flat/);
    // Whole records that contradict each other are a fault, too.
    const verified = await rec('verify', at('healed.rec'), '--json');
    expect(verified.exitCode).toBe(1);
    expect(JSON.parse(verified.stdout)).toMatchObject({ records: 15, faults: [{ fault: 'missing-record' }] });
    const packed = await result('pack', at('healed.rec'), '--input-layout', 'flat', '--output', at('healed'));
    expect(packed).toMatchObject({ images: 11, identities: 3 });
    expect(await result('verify', at('healed'))).toMatchObject({ faultCount: 0 });
  });

  test('a file can be repaired in its place', async () => {
    const bytes = readFileSync(at('packed', 'train.rec'));
    writeFileSync(at('self.rec'), bytes.subarray(0, -2));
    refused(await rec('repair', at('self.rec'), '--output', at('self.rec')), /self\.rec exists/);
    await result('repair', at('self.rec'), '--output', at('self.rec'), '--overwrite');
    expect((await rec('ls', at('self.rec'))).stdout.trimEnd().split('\n')).toHaveLength(16);
  });
});

describe('bad input gives one message', () => {
  test.each<[string, string[], RegExp, number]>([
    ['no such file', ['info', 'none.rec'], /There is no .*none\.rec/, 1],
    ['a folder without records', ['ls', 'faces'], /no train\.rec in the folder/, 1],
    ['not records', ['ls', 'text.rec'], /byte 0/, 1],
    ['not image records', ['ls', 'tiny.rec'], /--raw/, 1],
    ['no such key', ['cat', 'packed', '99'], /no record with key 99/, 1],
    ['a key that is none', ['cat', 'packed', 'first'], /whole number/, 2],
    ['neither key nor offset', ['cat', 'packed'], /Give its key, or --offset/, 2],
    ['an offset past the end', ['cat', 'packed', '--offset', '99999999'], /ends at byte/, 1],
    ['an offset between records', ['cat', 'packed', '--offset', '4'], /byte 4/, 1],
    ['no output', ['shuffle', 'packed'], /--output is missing/, 2],
    ['an output that is used', ['pack', 'faces', '--output', 'packed'], /not empty.*--overwrite/, 1],
    [
      'a .rec that is there',
      ['shuffle', 'packed', '--output', 'packed/train.rec'],
      /train\.rec exists.*--overwrite/,
      1,
    ],
    ['an output that is a file', ['unpack', 'packed', '--output', 'text.rec'], /not a folder/, 1],
    [
      'a layout that is not there',
      ['info', 'tiny-flat.rec', '--input-layout', 'insightface'],
      /header record/,
      1,
    ],
    ['an index without a name', ['index', 'text.bin'], /\.rec/, 1],
    ['a list that leads outside', ['pack', 'outside.lst', '--output', 'no'], /leads out of/, 1],
    ['two modes', ['verify', 'packed', '--raw', '--images'], /contradict/, 2],
    ['no command', ['frobnicate'], /unknown command/, 2],
    ['no argument', ['ls'], /missing required argument/, 2],
  ])('%s', async (_, args, message, code) => {
    writeFileSync(at('text.rec'), 'This is a text.');
    writeFileSync(at('text.bin'), 'This is a text.');
    writeFileSync(at('tiny.rec'), encodeRecord(new Uint8Array(3)));
    writeFileSync(
      at('tiny-flat.rec'),
      encodeRecord(encodeImageRecord({ label: 0, content: new Uint8Array(1) })),
    );
    writeFileSync(at('outside.lst'), '0\t0\t../../etc/passwd\n');
    const before = readdirSync(folder);
    const inFolder = args.map((arg, i) => (i === 1 || args[i - 1] === '--output' ? at(arg) : arg));
    const outcome = await rec(...inFolder);
    // A listing may have begun before the fault.
    refused({ ...outcome, stdout: args[0] === 'ls' ? '' : outcome.stdout }, message, code);
    expect(readdirSync(folder)).toEqual(before);
  });
});
