import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInProcess } from '../../testing/run-in-process.ts';
import { writeStripedFaces } from '../../testing/striped-faces.ts';

const oracle = fileURLToPath(new URL('../../../../../../shared/oracle/recordio/', import.meta.url));

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const bin = (...args: string[]) => runInProcess('bin', ...args);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-bin-'));
  await writeStripedFaces(at('striped'), { identities: 2, images: 2 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!existsSync(oracle))("the reference's packs (needs ../shared)", () => {
  const packs = existsSync(oracle) ? readdirSync(oracle).filter((name) => name.endsWith('.bin')) : [];

  test.each(packs)('info: %s', async (name) => {
    const { stdout, exitCode } = await bin('info', oracle + name, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ pairs: 12, same: 6 });
    expect(exitCode).toBe(0);
  });

  test('a pack comes back byte for byte from its folder', async () => {
    const original = `${oracle}g_pairs_bytes_p4.bin`;
    const unpacked = await bin('unpack', original, '--output', at('pairs'), '--json');
    expect(JSON.parse(unpacked.stdout)).toMatchObject({ pairs: 12, same: 6, list: at('pairs', 'pairs.txt') });
    expect(readdirSync(at('pairs'))).toHaveLength(6 + 2 * 6 + 1);
    const again = await bin(
      'pack',
      '--pairs',
      at('pairs', 'pairs.txt'),
      '--images',
      at('pairs'),
      '--output',
      at('again.bin'),
      '--json',
    );
    expect(JSON.parse(again.stdout)).toMatchObject({ pairs: 12, same: 6 });
    expect(readFileSync(at('again.bin'))).toEqual(readFileSync(original));
  });
});

/** Two images of person 0, and one of each, named as LFW names them. */
function writePairs(): void {
  writeFileSync(at('pairs.txt'), 'pair 1 2\npair 1 other 1\n');
}

describe('pack and unpack', () => {
  test('an image in several pairs, and a used output', async () => {
    writePairs();
    await bin('unpack', await smallPack(), '--output', at('small'));
    expect(readdirSync(at('small'), { recursive: true }).sort()).toEqual([
      'pair_1',
      'pair_1/pair_1_0001.jpg',
      'pair_1/pair_1_0002.jpg',
      'pair_2a',
      'pair_2a/pair_2a_0001.jpg',
      'pair_2b',
      'pair_2b/pair_2b_0001.jpg',
      'pairs.txt',
    ]);
    expect(readFileSync(at('small', 'pair_2a', 'pair_2a_0001.jpg'))).toEqual(
      readFileSync(at('striped', 'person-00', '00.jpg')),
    );
    const refused = await bin('unpack', at('small.bin'), '--output', at('small'));
    expect(refused.stderr).toMatch(/not empty.*--overwrite/);
    expect(refused.exitCode).toBe(1);
    expect((await bin('unpack', at('small.bin'), '--output', at('small'), '--overwrite')).exitCode).toBe(0);
  });
});

async function smallPack(): Promise<string> {
  for (const [name, number, source] of [
    ['pair', 1, 'person-00/00.jpg'],
    ['pair', 2, 'person-00/01.jpg'],
    ['other', 1, 'person-01/00.jpg'],
  ] as const) {
    mkdirSync(at('lfw', name), { recursive: true });
    writeFileSync(at('lfw', name, `${name}_000${number}.jpg`), readFileSync(at('striped', source)));
  }
  const { exitCode } = await bin(
    'pack',
    '--pairs',
    at('pairs.txt'),
    '--images',
    at('lfw'),
    '--output',
    at('small.bin'),
  );
  expect(exitCode).toBe(0);
  return at('small.bin');
}

test.each<[string, string[], RegExp, number]>([
  ['no such file', ['info', 'none.bin'], /none\.bin/, 1],
  ['not a pack', ['info', 'text.bin'], /text\.bin is not a verification pack/, 1],
  ['a pickle that would run something', ['info', 'evil.bin'], /evil\.bin is not a verification pack/, 1],
  [
    'an image that is not there',
    ['pack', '--pairs', 'pairs.txt', '--images', 'striped', '--output', 'no.bin'],
    /no pair_0001/,
    1,
  ],
  [
    'a list that is not there',
    ['pack', '--pairs', 'none.txt', '--images', 'striped', '--output', 'no.bin'],
    /no list of pairs/,
    1,
  ],
  [
    'an output that is there',
    ['pack', '--pairs', 'pairs.txt', '--images', 'striped', '--output', 'text.bin'],
    /exists.*--overwrite/,
    1,
  ],
  ['no output', ['unpack', 'text.bin'], /--output is missing/, 2],
])('%s gives one message', async (_, args, message, code) => {
  writePairs();
  writeFileSync(at('text.bin'), 'This is a text.');
  writeFileSync(at('evil.bin'), "cos\nsystem\n(S'echo'\ntR.");
  const { exitCode, stdout, stderr } = await bin(
    ...args.map((arg, i) => (i > 0 && !arg.startsWith('--') ? at(arg) : arg)),
  );
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at .*:\d+:\d+/);
  expect([exitCode, stdout]).toEqual([code, '']);
  expect(existsSync(at('no.bin'))).toBe(false);
});
