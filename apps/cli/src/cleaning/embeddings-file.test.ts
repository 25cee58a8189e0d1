import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddingRows, seededRandom } from '@arcface/cleaner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { npyHeader } from '../npy.ts';
import { embeddingsInReach, heldEmbeddings, openEmbeddingsFile } from './embeddings-file.ts';

/* More rows than a block of 16 MiB has. */
const ROWS = 9000;
const DIMENSIONS = 512;

let folder: string;
let path: string;
const values = new Float32Array(ROWS * DIMENSIONS);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-rows-'));
  path = join(folder, 'rows.npy');
  const random = seededRandom(1);
  for (let i = 0; i < values.length; i++) values[i] = random.uniform();
  writeFileSync(path, Buffer.concat([npyHeader([ROWS, DIMENSIONS]), Buffer.from(values.buffer)]));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a file of embeddings', () => {
  test('is held when it is small', async () => {
    const file = await openEmbeddingsFile(path);
    const held = embeddingsInReach(file) as Float32Array;
    expect(Buffer.from(held.buffer).equals(Buffer.from(values.buffer))).toBe(true);
    file.close();
  });

  test('stays on disk when it is not, and gives the same rows in any order', async () => {
    const file = await openEmbeddingsFile(path);
    const rows = embeddingsInReach(file, 2 ** 20) as EmbeddingRows;
    expect(rows.rows).toBe(ROWS);
    const row = new Float64Array(DIMENSIONS);
    for (const at of [0, ROWS - 1, 8191, 8192, 4000, 4001, 4002, 17, ROWS - 2]) {
      rows.read(at, row);
      expect(Float32Array.from(row)).toEqual(values.slice(at * DIMENSIONS, (at + 1) * DIMENSIONS));
    }
    file.close();
  });

  test.each(['held', 'on disk'])('%s, names what is no number', async (where) => {
    const odd = join(folder, 'odd.npy');
    const some = values.slice();
    some[8200 * DIMENSIONS + 3] = Number.NaN;
    writeFileSync(odd, Buffer.concat([npyHeader([ROWS, DIMENSIONS]), Buffer.from(some.buffer)]));
    const file = await openEmbeddingsFile(odd);
    expect(() => (where === 'held' ? heldEmbeddings(file) : embeddingsInReach(file, 0))).toThrow(
      /odd\.npy: row 8200, column 3 is NaN, not a finite number/,
    );
    file.close();
  });
});
