import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleProgram } from '@arcface-tooling/programs';
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

/** Starts a process that embeds, and dies without warning as it decodes an image. */
async function embedAndDie(directory: string, image: number): Promise<void> {
  const entry = new URL('./killed-embedding.fixture.ts', import.meta.url);
  const script = await bundleProgram(entry, at('program'));
  const child = spawn(process.execPath, [script, at(directory), at('model'), String(image)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [, signal] = await once(child, 'close');
  expect(signal).toBe('SIGKILL');
}

test('after kill -9 no image is lost, and none of a chunk that was there is embedded again', async () => {
  mkdirSync(at('killed'));
  // In the fourth chunk of six.
  await embedAndDie('killed', 20);
  const there = new Set(chunks('killed').map((name) => Number(/\d+/.exec(name)![0])));
  expect(there).toEqual(new Set([0, 1, 2]));

  const decoded: number[] = [];
  await embedMadeUpImages(at('killed'), at('model'), (image) => decoded.push(image));
  const missing = Array.from({ length: 60 }, (_, i) => i).filter((i) => !there.has(Math.floor(i / 6)));
  expect(decoded.toSorted((a, b) => a - b)).toEqual(missing);

  await embedMadeUpImages(at('whole'), at('model'), () => {});
  expect(contents('killed')).toEqual(contents('whole'));
});
