import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { RecordIOErrorCode } from './errors.ts';
import { memorySource } from './memory-source.ts';
import { type PairsPack, readPairsPack } from './pairs-pack.ts';
import { encodePairsPack, writePairsPack } from './pairs-pack-writer.ts';
import { readPickle } from './pickle-reader.ts';
import { collectingStream } from './testing/collecting-stream.ts';
import { dataFolder, oracleBytes, oracleIsAbsent, oracleJson, sha256 } from './testing/oracle.ts';

describe.skipIf(oracleIsAbsent)('verification packs (needs ../shared)', () => {
  const manifest = oracleIsAbsent
    ? { files: [], issame: [], images: [] }
    : oracleJson<{ files: { file: string }[]; issame: boolean[]; images: { sha256: string }[] }>(
        'recordio/g_pairs.json',
      );

  test.each(manifest.files.map(({ file }) => file))('%s has the same 12 pairs', async (file) => {
    const pack = await readPairsPack(memorySource(oracleBytes(`recordio/${file}`)));
    expect(pack.isSame).toEqual(manifest.issame);
    expect(pack.images.map(sha256)).toEqual(manifest.images.map((image) => image.sha256));
  });

  test("InsightFace's own small_lfw.bin", async () => {
    const bytes = new Uint8Array(readFileSync(`${dataFolder}insightface/small_lfw.bin`));
    const pack = await readPairsPack(memorySource(bytes));
    expect(pack.isSame).toHaveLength(10);
    expect(pack.images).toHaveLength(20);
    expect(pack.images.every((image) => image[0] === 0xff && image[1] === 0xd8)).toBe(true);
  });

  test('is written byte for byte as CPython does', async () => {
    const bytes = oracleBytes('recordio/g_pairs_bytes_p4.bin');
    const written = collectingStream();
    await writePairsPack(await readPairsPack(memorySource(bytes)), written.stream);
    expect(sha256(written.bytes())).toBe(sha256(bytes));
  });
});

function packOf(sizes: readonly number[]): PairsPack {
  return {
    images: sizes.map((size, i) => Uint8Array.from({ length: size }, (_, j) => j * 7 + i)),
    isSame: Array.from({ length: sizes.length / 2 }, (_, i) => i % 3 === 0),
  };
}

describe('written packs', () => {
  // SHA-256 of what pickle.dumps(..., 4) of CPython 3.11 gives for the same values.
  test.each([
    ['no pairs', [], '675cb726efbb6286f8836cb48445360b9c7b8b1b3b4f59026eb016f82d332cc9'],
    ['short byte strings', [10, 20], 'd112c6d59304c14865486625467f6e7169ab3630975d5a8ba047e621a6e8e51a'],
    ['one pair', [300, 300], '5a752d3cbb3f454a3d7bc457b378ec3ffaecdc198fc9ae407ae8dc74271b9537'],
    [
      'byte strings outside of frames',
      [70000, 65536, 65535, 3, 100000, 100],
      '26cb8107991c83a31abbcb750f837bee99e65cac2f4053a5f4c59e5e6434c157',
    ],
    [
      'lists in batches',
      new Array<number>(2002).fill(40),
      '3be95693201fe246c0fb3ee51d4595d6061228907845dcc67d203abc7fb1d479',
    ],
    [
      'several frames',
      new Array<number>(2000).fill(500),
      '519aa9cac8b702a8be49ccee5348795e45f5952429425dc5234fb4463cf9dab7',
    ],
  ])('%s', async (_, sizes, hash) => {
    const pack = packOf(sizes);
    const bytes = new Uint8Array(Buffer.concat([...encodePairsPack(pack)]));
    expect(sha256(bytes)).toBe(hash);
    const read = await readPairsPack(memorySource(bytes));
    expect(read.isSame).toEqual(pack.isSame);
    expect(read.images.map(sha256)).toEqual(pack.images.map(sha256));
  });

  test('need two images a pair', async () => {
    const { stream } = collectingStream();
    await expect(writePairsPack({ images: [], isSame: [true] }, stream)).rejects.toThrow(RangeError);
  });
});

describe('pickles that are refused', () => {
  const pickle = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

  test.each<[string, string, RecordIOErrorCode, number]>([
    ['a call of os.system', "cos\nsystem\n(S'echo hello'\ntR.", 'pickle-unsupported', 27],
    [
      'a call of eval, new style',
      '\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.',
      'pickle-unsupported',
      23,
    ],
    ['an object', '\x80\x02c__main__\nA\n)\x81.', 'pickle-unsupported', 15],
    ['an instance', '(i__main__\nA\n.', 'pickle-unsupported', 1],
    ['a persistent id', 'P0\n.', 'pickle-unsupported', 0],
    ['an extension', '\x82\x01.', 'pickle-unsupported', 0],
    ['protocol 6', '\x80\x06.', 'pickle-unsupported', 0],
    ['numpy objects', "cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.", 'pickle-unsupported', 27],
    ['a whole number past 2^53', '\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f.', 'pickle-unsupported', 0],
    ['a byte string longer than the file', 'B\xff\xff\xff\x7fabc.', 'pickle-truncated', 0],
    ['a byte string longer than memory', '\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc.', 'pickle-truncated', 0],
    ['no end', ']', 'pickle-truncated', 1],
    ['nothing', '', 'pickle-truncated', 0],
    ['an end without a value', '.', 'pickle-malformed', 0],
    ['a mark that is not there', 't.', 'pickle-malformed', 0],
    ['a value that was not remembered', 'h\x05.', 'pickle-malformed', 0],
    ['values from below a mark', 'NN(\x86.', 'pickle-malformed', 3],
    ['appending to a tuple', ')Na.', 'pickle-malformed', 2],
    ['text that is not Latin-1', 'c_codecs\nencode\n(V\\u0100\nVlatin1\ntR.', 'pickle-malformed', 17],
  ])('%s', (_, text, code, offset) => {
    expect(() => readPickle(pickle(text))).toThrow(
      expect.objectContaining({ name: 'RecordIOError', code, offset }),
    );
  });

  test.each<[string, string]>([
    ['not a pair', ']\x85.'],
    ['images that are no list', 'N]\x86.'],
    ['flags that are no list', ']N\x86.'],
    ['an image that is not bytes', ']Na]\x86.'],
    ['a flag that is not a boolean', ']C\x01xaC\x01xa]K\x02a\x86.'],
    ['too few images', ']C\x01xa]\x88a\x86.'],
  ])('a pack with %s', async (_, text) => {
    await expect(readPairsPack(memorySource(pickle(text)))).rejects.toMatchObject({ code: 'pack-malformed' });
  });

  test('a small pickle that asks for a large text again and again does not use more memory', async () => {
    const encode = 'g0\n(g1\ng2\ntR';
    const text = `(](c_codecs\nencode\np0\n0V${'x'.repeat(1000)}\np1\n0Vlatin1\np2\n0${encode.repeat(1000)}e](${'\x89'.repeat(500)}et.`;
    const { images } = await readPairsPack(memorySource(pickle(text)));
    expect(images).toHaveLength(1000);
    expect(new Set(images.map(({ buffer }) => buffer)).size).toBe(1);
  });
});
