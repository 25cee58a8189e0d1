/* A file is there in full or not at all. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { writeAtomically } from './atomic-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-atomic-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

test('pieces of any size, texts and bytes, come one after another', async () => {
  const path = join(folder, 'new', 'file');
  await writeAtomically(path, ['a', new Uint8Array(600_000).fill(98), 'c']);
  expect(readFileSync(path, 'utf8')).toBe(`a${'b'.repeat(600_000)}c`);
});

test('a write that takes only a part, as on a disk that fills up, leaves no file that is cut short', async () => {
  const file = await open(join(folder, 'any'), 'w');
  const handle = Object.getPrototypeOf(file) as FileHandle;
  await file.close();
  const write: (this: FileHandle, data: Uint8Array, from: number, length: number) => unknown = handle.write;
  vi.spyOn(handle, 'write').mockImplementation(function (this: FileHandle, data: unknown) {
    return write.call(this, data as Uint8Array, 0, 1) as never;
  } as never);
  const path = join(folder, 'file');
  await writeAtomically(path, [new Uint8Array(1000).fill(1)]);
  expect(readFileSync(path)).toHaveLength(1000);
});

test('a name that is as long as one can be has room for nothing behind it', async () => {
  const path = join(folder, `${'é'.repeat(124)}.jpeg`.padStart(131, 'x'));
  await writeAtomically(path, ['there']);
  expect(readFileSync(path, 'utf8')).toBe('there');
  expect(readdirSync(folder)).toHaveLength(1);
});

test('what fails on the way leaves the old file, and nothing beside it', async () => {
  const path = join(folder, 'file');
  writeFileSync(path, 'old');
  const failing = (function* () {
    yield 'new';
    throw new Error('no more');
  })();
  await expect(writeAtomically(path, failing)).rejects.toThrow('no more');
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(folder)).toEqual(['file']);
});

test.skipIf(!existsSync('/dev/full'))('a full disk is told with the file', async () => {
  symlinkSync('/dev/full', join(folder, `file.partial-${process.pid}`));
  await expect(writeAtomically(join(folder, 'file'), ['text'])).rejects.toThrow(
    /Cannot write .*file: ENOSPC/,
  );
  expect(readdirSync(folder)).toEqual([]);
});
