import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faceTemplate } from '@arcface/alignment';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInProcess } from '../testing/run-in-process.ts';

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const align = (...args: string[]) =>
  runInProcess('align', at('photos'), '--landmarks', at('landmarks.jsonl'), ...args);

/** A "face" of 112x112: each of its five points is a spot in the middle of a square of its own colour. */
async function face(): Promise<Buffer> {
  const pixels = Buffer.alloc(112 * 112 * 3, 40);
  for (const [i, [px, py]] of faceTemplate().entries()) {
    for (let y = Math.round(py) - 5; y <= Math.round(py) + 5; y++) {
      for (let x = Math.round(px) - 5; x <= Math.round(px) + 5; x++) {
        pixels.set([40 * i + 60, 250 - 40 * i, i % 2 === 0 ? 200 : 30], 3 * (112 * y + x));
      }
    }
  }
  return pixels;
}

/** A photo with the face in it, four times as large, at (200, 100); and its landmarks in the photo as it is shown. */
async function photo(orientation: 1 | 6): Promise<{ file: Buffer; landmarks: number[][] }> {
  const large = await sharp(await face(), { raw: { width: 112, height: 112, channels: 3 } })
    .resize(448, 448, { kernel: 'nearest' })
    .toColourspace('srgb')
    .png()
    .toBuffer();
  const canvas = sharp({
    create: { width: 900, height: 700, channels: 3, background: { r: 10, g: 20, b: 30 } },
  });
  const shown = await canvas
    .composite([{ input: large, left: 200, top: 100 }])
    .png()
    .toBuffer();
  // Orientation 6: the camera lay on its side, a viewer turns the picture by 90 degrees clockwise.
  const stored = orientation === 6 ? sharp(shown).rotate(-90) : sharp(shown);
  const file = await stored.withMetadata({ orientation }).jpeg({ quality: 98 }).toBuffer();
  // Centres of pixels: x of 112 lies at 4 x + 1.5 of the enlarged face.
  return { file, landmarks: faceTemplate().map(([x, y]) => [200 + 4 * x + 1.5, 100 + 4 * y + 1.5]) };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-align-'));
  mkdirSync(at('photos', 'anna'), { recursive: true });
  mkdirSync(at('photos', 'bob'), { recursive: true });
  const upright = await photo(1);
  const turned = await photo(6);
  writeFileSync(at('photos', 'anna', 'IMG_1.jpg'), upright.file);
  writeFileSync(at('photos', 'anna', 'IMG_2.jpg'), turned.file);
  writeFileSync(at('photos', 'bob', 'party.jpg'), upright.file);
  writeFileSync(at('photos', 'bob', 'broken.jpg'), upright.file.subarray(0, 200));
  const [a, b, c, d, e] = upright.landmarks;
  const rows = [
    { key: 'anna/IMG_1.jpg', landmarks: upright.landmarks },
    { key: 'anna/IMG_2.jpg', landmarks: turned.landmarks },
    { key: 'bob/broken.jpg', landmarks: [b, a, c, e, d] },
    { key: 'carl/elsewhere.jpg', landmarks: [b, a, c, e, d] },
  ];
  writeFileSync(at('landmarks.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('arcface align', () => {
  test('puts the face of an upright and of a turned photo where networks look for it', async () => {
    const { exitCode, stdout, stderr } = await align('--output', at('faces'), '--format', 'png', '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      images: 4,
      aligned: 2,
      withoutLandmarks: 1,
      undecodable: 1,
      poorFit: 0,
      unusedRows: 1,
      keys: { withoutLandmarks: ['bob/party.jpg'], undecodable: ['bob/broken.jpg'] },
    });
    expect(stderr).toContain('1 photos have no landmarks');
    const expected = await face();
    for (const name of ['IMG_1.png', 'IMG_2.png']) {
      const { data, info } = await sharp(at('faces', 'anna', name))
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect([info.width, info.height, info.channels]).toEqual([112, 112, 3]);
      for (const [x, y] of faceTemplate()) {
        const middle = 3 * (112 * Math.round(y) + Math.round(x));
        for (let c = 0; c < 3; c++)
          expect(Math.abs(data[middle + c]! - expected[middle + c]!)).toBeLessThan(8);
      }
    }
  });

  test('reads what it wrote as a dataset', async () => {
    const { stdout } = await runInProcess('rec', 'pack', at('faces'), '--output', at('packed'), '--json');
    expect(JSON.parse(stdout)).toMatchObject({ images: 2, identities: 1 });
  });

  test('refuses a used output, and goes on with it when told to', async () => {
    const refused = await align('--output', at('faces'), '--format', 'png');
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('--resume');
    const before = statSync(at('faces', 'anna', 'IMG_1.png')).mtimeMs;
    rmSync(at('faces', 'anna', 'IMG_2.png'));
    const resumed = await align('--output', at('faces'), '--format', 'png', '--resume', '--json');
    expect(JSON.parse(resumed.stdout)).toMatchObject({ aligned: 1, alreadyThere: 1 });
    expect(statSync(at('faces', 'anna', 'IMG_1.png')).mtimeMs).toBe(before);
    expect(existsSync(at('faces', 'anna', 'IMG_2.png'))).toBe(true);
  });

  test('says where points are in another order', async () => {
    const rows = readFileSync(at('landmarks.jsonl'), 'utf8')
      .split('\n', 1)
      .map((row) => JSON.parse(row));
    const [a, b, c, d, e] = rows[0].landmarks;
    writeFileSync(at('confused.jsonl'), JSON.stringify({ ...rows[0], landmarks: [b, a, c, e, d] }));
    const { stdout, stderr } = await runInProcess(
      'align',
      at('photos'),
      '--landmarks',
      at('confused.jsonl'),
      '--output',
      at('confused'),
      '--json',
    );
    expect(JSON.parse(stdout)).toMatchObject({
      aligned: 1,
      poorFit: 1,
      keys: { poorFit: ['anna/IMG_1.jpg'] },
    });
    expect(stderr).toContain('left and right confused');
  });

  test('keeps photos of one name apart, and each with its identity', async () => {
    const names = ['IMG_1-jpg.png', 'IMG_1.jpeg', 'IMG_1.jpg'];
    mkdirSync(at('alike', 'j.doe'), { recursive: true });
    const upright = await photo(1);
    for (const name of names) writeFileSync(at('alike', 'j.doe', name), upright.file);
    const rows = names.map((name) => ({ key: `j.doe/${name}`, landmarks: upright.landmarks }));
    const lines = rows.map((row) => `${JSON.stringify(row)}\r\n`);
    writeFileSync(at('alike.jsonl'), `\uFEFF${lines.join('')}`);
    const { stdout } = await runInProcess(
      ...['align', at('alike'), '--landmarks', at('alike.jsonl'), '--output', at('alike-faces'), '--json'],
    );
    expect(JSON.parse(stdout)).toMatchObject({ aligned: 3 });
    expect(readdirSync(at('alike-faces'))).toEqual(['j.doe']);
    expect(readdirSync(at('alike-faces', 'j.doe'))).toEqual([
      'IMG_1-jpg-2.jpg',
      'IMG_1-jpg.jpg',
      'IMG_1.jpg',
    ]);
  });

  test('never replaces the photos by their faces', async () => {
    const before = readFileSync(at('photos', 'anna', 'IMG_1.jpg'));
    writeFileSync(at('photos.lst'), '0\t0\tphotos/anna/IMG_1.jpg\n');
    for (const [data, output] of [
      ['photos', 'photos/../photos'],
      ['photos.lst', '.'],
    ] as const) {
      const { exitCode, stderr } = await runInProcess(
        ...['align', at(data), '--landmarks', at('landmarks.jsonl'), '--output', at(output), '--overwrite'],
      );
      expect(stderr).toMatch(/is the folder of the images that are read/);
      expect(exitCode).toBe(1);
    }
    expect(readFileSync(at('photos', 'anna', 'IMG_1.jpg')).equals(before)).toBe(true);
  });

  test('reads bitmaps, which sharp does not', async () => {
    const pixels = await face();
    const header = Buffer.alloc(54);
    header.write('BM');
    header.writeUInt32LE(54, 10);
    header.writeUInt32LE(40, 14);
    header.writeInt32LE(112, 18);
    // Rows from the top.
    header.writeInt32LE(-112, 22);
    header.writeUInt16LE(24, 28);
    const bgr = Buffer.from(pixels);
    for (let i = 0; i < bgr.length; i += 3) bgr.subarray(i, i + 3).reverse();
    mkdirSync(at('bitmaps', 'anna'), { recursive: true });
    writeFileSync(at('bitmaps', 'anna', '1.bmp'), Buffer.concat([header, bgr]));
    writeFileSync(at('bitmap.jsonl'), JSON.stringify({ key: 'anna/1.bmp', landmarks: faceTemplate() }));
    const { exitCode } = await runInProcess(
      ...['align', at('bitmaps'), '--landmarks', at('bitmap.jsonl'), '--output', at('bitmap-faces')],
      ...['--format', 'png'],
    );
    expect(exitCode).toBe(0);
    const aligned = await sharp(at('bitmap-faces', 'anna', '1.png'))
      .raw()
      .toBuffer();
    expect(aligned.equals(pixels)).toBe(true);
  });

  test('finds rows whose keys are written as Windows or macOS write them', async () => {
    mkdirSync(at('paths', 'Jo\u0301zef'), { recursive: true });
    const { file, landmarks } = await photo(1);
    for (const name of ['1.jpg', '2.jpg']) writeFileSync(at('paths', 'Jo\u0301zef', name), file);
    const keys = ['J\u00f3zef\\1.jpg', 'J\u00f3zef/2.jpg'];
    writeFileSync(at('paths.jsonl'), keys.map((key) => JSON.stringify({ key, landmarks })).join('\n'));
    const { stdout } = await runInProcess(
      ...['align', at('paths'), '--landmarks', at('paths.jsonl'), '--output', at('paths-faces'), '--json'],
    );
    expect(JSON.parse(stdout)).toMatchObject({ aligned: 2, unusedRows: 0 });
  });

  test.each([
    ['{"key": "anna/IMG_1.jpg", "landmarks": [[1, 2]]}', 'line 1: landmarks are not five points'],
    ['{"landmarks": []}', 'line 1: there is no key'],
    ['null', 'line 1: there is no key'],
    ['\n{"key', 'line 2: not JSON'],
    ['', 'has no row'],
    ['{"key": "nobody.jpg", "landmarks": [[1,2],[3,4],[5,6],[7,8],[9,9]]}', 'Not one photo was aligned'],
    [
      `${'{"key": "a.jpg", "landmarks": [[1,2],[3,4],[5,6],[7,8],[9,9]]}\n'.repeat(2)}`,
      'line 2: a.jpg has landmarks already',
    ],
  ])('refuses landmarks like %j', async (text, message) => {
    writeFileSync(at('bad.jsonl'), text);
    const { exitCode, stderr } = await runInProcess(
      'align',
      at('photos'),
      '--landmarks',
      at('bad.jsonl'),
      '--output',
      at('bad'),
    );
    expect(exitCode).toBe(1);
    expect(stderr).toContain(message);
    expect(existsSync(at('bad'))).toBe(false);
  });
});
