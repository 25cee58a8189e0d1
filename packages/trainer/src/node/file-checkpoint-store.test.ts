import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  checkpointFileName,
  checkpointStep,
  listCheckpoints,
  pruneCheckpoints,
} from '../checkpoints/checkpoint-store.ts';
import { FileCheckpointStore } from './file-checkpoint-store.ts';
import { JsonLinesLog, readJsonLines } from './json-lines-log.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trainer-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('writes, lists, reads, replaces and removes', async () => {
  const store = new FileCheckpointStore(join(directory, 'run', 'checkpoints'));
  expect(await store.list()).toEqual([]);
  await store.write('step-00000001.safetensors', Uint8Array.of(1, 2, 3));
  await store.write('step-00000001.safetensors', Uint8Array.of(4));
  expect(await store.list()).toEqual(['step-00000001.safetensors']);
  expect([...(await store.read('step-00000001.safetensors'))]).toEqual([4]);
  await store.remove('step-00000001.safetensors');
  await store.remove('step-00000001.safetensors');
  expect(await store.list()).toEqual([]);
});

test('what a file manager leaves in a folder is none of it', async () => {
  const store = new FileCheckpointStore(directory);
  await writeFile(join(directory, '.DS_Store'), '');
  await store.write('a', Uint8Array.of(1));
  expect(await store.list()).toEqual(['a']);
});

test('what a killed writer left is not listed, and goes with the next write', async () => {
  const store = new FileCheckpointStore(directory);
  await writeFile(join(directory, 'step-00000002.safetensors.unfinished'), 'half');
  expect(await listCheckpoints(store)).toEqual([]);
  await store.write('step-00000003.safetensors', Uint8Array.of(1));
  expect(await readdir(directory)).toEqual(['step-00000003.safetensors']);
});

test('a write that fails leaves the old file and no half one', async () => {
  const store = new FileCheckpointStore(directory);
  await store.write('a', Uint8Array.of(1));
  // Not bytes: fails in the middle of writing, as a full disk does.
  const failure = store.write('a', 5 as unknown as Uint8Array);
  await expect(failure).rejects.toMatchObject({ code: 'not-written' });
  await expect(failure).rejects.toThrow(`${join(directory, 'a')} could not be written (`);
  expect(await readdir(directory)).toEqual(['a']);
  expect([...(await store.read('a'))]).toEqual([1]);
});

test.each(['../escape', 'a/b', '', '.hidden', '..'])('refuses the name "%s"', async (name) => {
  const store = new FileCheckpointStore(directory);
  await expect(store.write(name, Uint8Array.of(1))).rejects.toThrow(RangeError);
});

test('keeps the newest and the named, and nothing that is not a checkpoint is touched', async () => {
  const store = new FileCheckpointStore(directory);
  await writeFile(join(directory, 'notes.txt'), 'mine');
  for (const step of [5, 10, 120, 1000]) await store.write(checkpointFileName(step), Uint8Array.of(1));
  await pruneCheckpoints(store, { keepLast: 2, keep: [checkpointFileName(5)] });
  expect((await listCheckpoints(store)).map(checkpointStep)).toEqual([5, 120, 1000]);
  expect(await readdir(directory)).toContain('notes.txt');
});

test('a log keeps the order of its lines and survives half a line', async () => {
  const path = join(directory, 'logs', 'log.jsonl');
  const log = new JsonLinesLog(path);
  for (let i = 0; i < 50; i++) log.append({ i });
  await log.flush();
  await writeFile(path, '{"i":', { flag: 'a' });
  const resumed = new JsonLinesLog(path);
  resumed.append({ i: 50 });
  await resumed.flush();
  expect(await readJsonLines(path)).toEqual(Array.from({ length: 51 }, (_, i) => ({ i })));
});

test('a log that cannot be written says so at once and on flush, and goes on when it can', async () => {
  const folder = join(directory, 'logs');
  await writeFile(folder, '');
  const told: Error[] = [];
  const log = new JsonLinesLog(join(folder, 'log.jsonl'), { onFailure: (error) => told.push(error) });
  log.append({ a: 1 });
  const failure = log.flush();
  await expect(failure).rejects.toMatchObject({ code: 'not-written' });
  await expect(failure).rejects.toThrow(`${log.path} could not be written (E`);
  await rm(folder);
  log.append({ a: 2 });
  await expect(log.flush()).rejects.toThrow('could not be written');
  expect(told).toHaveLength(1);
  expect(await readJsonLines(log.path)).toEqual([{ a: 2 }]);
});

test('an error of what is to be written is passed on, and leaves nothing', async () => {
  const store = new FileCheckpointStore(directory);
  const lost = new Error('the device was lost');
  const pieces = (async function* () {
    yield Uint8Array.of(1, 2);
    throw lost;
  })();
  await expect(store.writePieces('a', { byteLength: 4, pieces })).rejects.toBe(lost);
  expect(await readdir(directory)).toEqual([]);
});

test('a folder that cannot be made is named', async () => {
  await writeFile(join(directory, 'taken'), '');
  const store = new FileCheckpointStore(join(directory, 'taken'));
  const failure = store.write('a', Uint8Array.of(1));
  await expect(failure).rejects.toMatchObject({ code: 'not-written' });
  await expect(failure).rejects.toThrow(join(directory, 'taken', 'a'));
});
