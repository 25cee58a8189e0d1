import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmbeddingsOutput } from './embeddings-output.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-embeddings-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open = (name: string, more: { resume?: boolean; identity?: Record<string, string> } = {}) =>
  EmbeddingsOutput.open({
    output: join(folder, `${name}.npy`),
    lines: join(folder, `${name}.jsonl`),
    header: Uint8Array.of(1, 2, 3),
    identity: { data: 'these', ...more.identity },
    resume: more.resume ?? false,
  });
const part = (file: EmbeddingsOutput, from: number, images: number) =>
  file.append(
    Float32Array.from({ length: 2 * images }, (_, i) => from + i),
    Array.from({ length: images }, (_, i) => ({ key: from + i })),
    from === 0 ? 1 : 0,
  );

test('what was stopped, in the middle of a row, and resumed is what would have been written in one go', async () => {
  const whole = await open('whole');
  for (const from of [0, 3]) await part(whole, from, 3);
  await whole.finish();

  const stopped = await open('stopped');
  await part(stopped, 0, 3);
  await stopped.close();
  appendFileSync(join(folder, 'stopped.npy.partial'), 'half a row');
  appendFileSync(join(folder, 'stopped.jsonl.partial'), '{"key"');
  expect(existsSync(join(folder, 'stopped.npy'))).toBe(false);

  const resumed = await open('stopped', { resume: true });
  expect([resumed.images, resumed.failed]).toEqual([3, 1]);
  await part(resumed, 3, 3);
  await resumed.finish();
  for (const extension of ['npy', 'jsonl']) {
    const [a, b] = ['whole', 'stopped'].map((name) => readFileSync(join(folder, `${name}.${extension}`)));
    expect(b!.equals(a!)).toBe(true);
  }
  expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
});

test('another run is not resumed, nor one whose state cannot be read', async () => {
  const file = await open('other');
  await part(file, 0, 1);
  await file.close();
  await expect(open('other', { resume: true, identity: { data: 'those' } })).rejects.toThrow(
    /its data was these, now it is those.*--overwrite/,
  );
  writeFileSync(join(folder, 'other.npy.partial.json'), '{');
  await expect(open('other', { resume: true })).rejects.toThrow(/cannot be read/);
});

test('rows that were written and are gone are not made up of zeros', async () => {
  const file = await open('cut');
  await part(file, 0, 3);
  await file.close();
  truncateSync(join(folder, 'cut.npy.partial'), 20);
  await expect(open('cut', { resume: true })).rejects.toThrow(
    /has 20 bytes, but 27 were written.*--overwrite/,
  );
});
