import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { configure, profileOperators, statistics } from './index.ts';

beforeAll(async () => {
  await tf.setBackend('onnxruntime');
  configure({ threads: 1 });
});

const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('onnxruntime-profile-')).length;

it('tells of the graph that took most of the time, by kernel, with its arithmetic', async () => {
  const before = folders();
  const [a, b] = [tf.ones<tf.Rank.R2>([64, 32]), tf.ones<tf.Rank.R2>([32, 48])];
  const found = await profileOperators(() => {
    tf.tidy(() => tf.exp(tf.scalar(1)).dataSync());
    for (let i = 0; i < 3; i++) tf.tidy(() => tf.relu(tf.matMul(a, b)).dataSync());
  });
  const matMul = found.find(({ kernel, operator }) => kernel === 'BatchMatMul' && operator === 'Gemm')!;
  expect(matMul).toMatchObject({ count: 1, flops: 2 * 64 * 32 * 48 });
  expect(matMul.milliseconds).toBeGreaterThan(0);
  expect(found.some(({ kernel }) => kernel === 'Relu')).toBe(true);
  expect(found.some(({ kernel }) => kernel === 'Exp')).toBe(false);
  const times = found.map(({ milliseconds }) => milliseconds);
  expect(times).toEqual([...times].sort((x, y) => y - x));
  // Nothing of it stays: no folder, no profiled graph.
  expect(folders()).toBe(before);
  expect(statistics().sessions).toBe(0);
  tf.dispose([a, b]);
});

it('cleans up after steps that fail, and has nothing to tell of none', async () => {
  const before = folders();
  await expect(profileOperators(() => Promise.reject(new Error('stop')))).rejects.toThrow('stop');
  expect(await profileOperators(() => undefined)).toEqual([]);
  expect(folders()).toBe(before);
});
