import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { embedMadeUpImages } from './killed-embedding.fixture.ts';

let folder: string;
const at = (name: string) => join(folder, name);
const chunks = (directory: string) =>
  readdirSync(at(directory))
    .filter((name) => name.endsWith('.safetensors'))
    .sort();
const contents = (directory: string) =>
  chunks(directory).map((name) => [name, readFileSync(join(at(directory), name)).toString('base64')]);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-killed-'));
  writeFileSync(at('model'), 'a network');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Kills a process that embeds, without warning, once it has decoded so many images. */
async function embedAndKill(directory: string, images: number): Promise<void> {
  const script = fileURLToPath(new URL('./killed-embedding.fixture.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, at(directory), at('model')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let decoded = 0;
  child.stdout.on('data', (data: Buffer) => {
    decoded += data.toString().split('\n').length - 1;
    if (decoded >= images) child.kill('SIGKILL');
  });
  const [, signal] = await ended;
  expect(signal).toBe('SIGKILL');
}

test('after kill -9 no image is lost, and none of a chunk that was there is embedded again', async () => {
  mkdirSync(at('killed'));
  await embedAndKill('killed', 20);
  const there = new Set(chunks('killed').map((name) => Number(/\d+/.exec(name)![0])));
  expect(there.size).toBeGreaterThan(0);

  const decoded: number[] = [];
  await embedMadeUpImages(at('killed'), at('model'), (image) => void decoded.push(image));
  const missing = Array.from({ length: 60 }, (_, i) => i).filter((i) => !there.has(Math.floor(i / 6)));
  expect(decoded.toSorted((a, b) => a - b)).toEqual(missing);

  await embedMadeUpImages(at('whole'), at('model'), () => {});
  expect(contents('killed')).toEqual(contents('whole'));
}, 180_000);
