import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { configure, profileOperators, statistics } from './index.ts';

/** Temporary files of this test alone: others, at the same time, profile too. */
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'operator-profile-'));
  vi.stubEnv('TMPDIR', folder);
  await tf.setBackend('onnxruntime');
  configure({ threads: 1 });
});

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

it('tells of the graph that took most of the time, by kernel, with its arithmetic', async () => {
  // Long enough to be what takes most of the time, whatever else the machine does.
  const [a, b] = [tf.ones<tf.Rank.R2>([768, 640]), tf.ones<tf.Rank.R2>([640, 512])];
  const found = await profileOperators(() => {
    tf.tidy(() => tf.exp(tf.scalar(1)).dataSync());
    for (let i = 0; i < 3; i++) tf.tidy(() => tf.relu(tf.matMul(a, b)).dataSync());
  });
  const matMul = found.find(({ kernel, operator }) => kernel === 'BatchMatMul' && operator === 'Gemm')!;
  expect(matMul).toMatchObject({ count: 1, flops: 2 * 768 * 640 * 512 });
  expect(matMul.milliseconds).toBeGreaterThan(0);
  expect(found.some(({ kernel }) => kernel === 'Relu')).toBe(true);
  expect(found.some(({ kernel }) => kernel === 'Exp')).toBe(false);
  const times = found.map(({ milliseconds }) => milliseconds);
  expect(times).toEqual([...times].sort((x, y) => y - x));
  // Nothing of it stays: no folder, no profiled graph.
  expect(readdirSync(folder)).toEqual([]);
  expect(statistics().sessions).toBe(0);
  tf.dispose([a, b]);
});

it('cleans up after steps that fail, and has nothing to tell of none', async () => {
  await expect(profileOperators(() => Promise.reject(new Error('stop')))).rejects.toThrow('stop');
  expect(await profileOperators(() => undefined)).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});
