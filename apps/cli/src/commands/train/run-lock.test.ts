import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockRunFolder, RUN_LOCK } from './run-lock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arcface-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const left = (holder: unknown) => writeFile(join(folder, RUN_LOCK), JSON.stringify(holder));

test('a folder is for one at a time, and free again afterwards', async () => {
  const free = await lockRunFolder(folder);
  await expect(lockRunFolder(folder)).rejects.toThrow(
    new RegExp(`Another training is at work in .*: process ${process.pid} on `),
  );
  await free();
  expect(await readdir(folder)).toEqual([]);
  await (await lockRunFolder(folder))();
});

test('what a killed process has left counts for nothing', async () => {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
  const holder = { host: hostname(), process: child.pid, begun: null };
  await left(holder);
  await expect(lockRunFolder(folder)).rejects.toThrow(`process ${child.pid} on ${hostname()}`);
  // Another process of the same number.
  await left({ ...holder, begun: '1' });
  if (process.platform === 'linux') await (await lockRunFolder(folder))();
  await left(holder);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  const free = await lockRunFolder(folder);
  expect(JSON.parse(await readFile(join(folder, RUN_LOCK), 'utf8'))).toMatchObject({ process: process.pid });
  await free();
  // Cut off while it was written; this process's own of an earlier life, as in a container that was started again.
  await writeFile(join(folder, RUN_LOCK), '{"host"');
  await (await lockRunFolder(folder))();
  await left({ host: hostname(), process: process.pid, begun: '1' });
  await (await lockRunFolder(folder))();
});

test('of another host it is not known, and said how to go on', async () => {
  await left({ host: 'elsewhere', process: 7, begun: null });
  await expect(lockRunFolder(folder)).rejects.toThrow(/process 7 on elsewhere.*remove .*train\.lock/s);
});
