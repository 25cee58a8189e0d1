// Graphs kept on disk: a backend whose options were changed has no session left, as a new process has none.

import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { configure, statistics } from '../index.ts';

const directory = mkdtempSync(join(tmpdir(), 'disk-cache-'));
const entries = () => readdirSync(directory).sort();
const entry = () => join(directory, entries()[0]!);

beforeEach(async () => {
  for (const name of entries()) rmSync(join(directory, name), { recursive: true });
  await tf.setBackend('onnxruntime');
  restart();
});
afterAll(() => {
  configure({ diskCache: null });
  rmSync(directory, { recursive: true });
});

function restart(options: Parameters<typeof configure>[0] = {}): void {
  configure({ diskCache: null });
  configure({ threads: 1, diskCache: directory, diskCacheBytes: 2 ** 28, layout: 'blocked', ...options });
}

/** Some hundred operators; what they give, and what that cost. */
function compute(size = 8) {
  const before = statistics();
  const values = tf.tidy(() => {
    let x: tf.Tensor = tf.linspace(-1, 1, size);
    for (let i = 0; i < 100; i++) x = tf.tanh(tf.add(tf.mul(x, 1.5), tf.sin(x)));
    return Array.from(x.dataSync());
  });
  const { compilations, diskHits } = statistics();
  return { values, compiled: compilations - before.compilations, hits: diskHits - before.diskHits };
}

it('loads what was compiled before, and gives the same bits', () => {
  const first = compute();
  expect(first).toMatchObject({ compiled: 1, hits: 0 });
  expect(entries()).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.graph$/)]);
  restart();
  const second = compute();
  expect(second).toMatchObject({ compiled: 0, hits: 1 });
  expect(second.values).toEqual(first.values);
});

it('tells apart shapes and layouts', () => {
  compute();
  expect(compute(9)).toMatchObject({ compiled: 1 });
  restart({ optimization: 'disabled' });
  expect(compute()).toMatchObject({ compiled: 1 });
  expect(entries().length).toBe(3);
});

it.each([
  ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
  ['empty', () => Buffer.alloc(0)],
  ['changed', (bytes: Buffer) => Buffer.from(bytes.map((byte, i) => (i === 500 ? byte ^ 1 : byte)))],
])('ignores and replaces an entry that is %s', (_, damage) => {
  const { values } = compute();
  const sound = readFileSync(entry());
  writeFileSync(entry(), damage(sound));
  restart();
  expect(compute()).toEqual({ values, compiled: 1, hits: 0 });
  expect(readFileSync(entry()).length).toBe(sound.length);
});

it('keeps no more bytes than it may, and throws away what a killed process left', () => {
  writeFileSync(join(directory, 'left.part'), 'half');
  utimesSync(join(directory, 'left.part'), 0, 0);
  restart({ diskCacheBytes: 1 });
  expect(compute()).toMatchObject({ compiled: 1 });
  expect(entries()).toEqual([]);
});

it('does without a folder that cannot be made', () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  restart({ diskCache: join(file, 'below') });
  expect(compute()).toMatchObject({ compiled: 1, hits: 0 });
});

// A folder that is there, and in which nobody may make a file.
it.runIf(existsSync('/proc/self'))('does without a folder that cannot be written', () => {
  restart({ diskCache: '/proc/self' });
  expect(compute()).toMatchObject({ compiled: 1, hits: 0 });
});

// To those who may write everywhere no file is closed.
it.skipIf(process.getuid?.() === 0)('takes an entry that may only be read', () => {
  compute();
  chmodSync(directory, 0o555);
  chmodSync(entry(), 0o444);
  restart();
  const again = compute();
  chmodSync(directory, 0o755);
  expect(again).toMatchObject({ compiled: 0, hits: 1 });
});

it('keeps no small graphs', () => {
  tf.tidy(() => tf.exp(tf.linspace(0, 1, 4)).dataSync());
  expect(entries()).toEqual([]);
});
