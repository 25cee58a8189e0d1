import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { memorySource } from './memory-source.ts';
import { readPairsPack } from './pairs-pack.ts';
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
});
