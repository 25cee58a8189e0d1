import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { configure, profileOperators, statistics } from './index.ts';
import { slowestGraph } from './operator-profile.ts';

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

it('tells of a graph by kernel, with its arithmetic', async () => {
  const [a, b] = [tf.ones<tf.Rank.R2>([96, 80]), tf.ones<tf.Rank.R2>([80, 64])];
  const found = await profileOperators(() => {
    for (let i = 0; i < 3; i++) tf.tidy(() => tf.relu(tf.matMul(a, b)).dataSync());
  });
  const matMul = found.find(({ kernel, operator }) => kernel === 'BatchMatMul' && operator === 'Gemm')!;
  expect(matMul).toMatchObject({ count: 1, flops: 2 * 96 * 80 * 64 });
  expect(matMul.milliseconds).toBeGreaterThan(0);
  expect(found.some(({ kernel }) => kernel === 'Relu')).toBe(true);
  const times = found.map(({ milliseconds }) => milliseconds);
  expect(times).toEqual([...times].sort((x, y) => y - x));
  // Nothing of it stays: no folder, no profiled graph.
  expect(readdirSync(folder)).toEqual([]);
  expect(statistics().sessions).toBe(0);
  tf.dispose([a, b]);
});

/** An event of ONNX Runtime's profiler. */
function event(name: string, dur: number, more: object = {}) {
  const args = { op_name: name.split('/')[1], input_type_shape: [], output_type_shape: [{ float: [2, 3] }] };
  return { cat: 'Node', name: `${name}_kernel_time`, dur, args, ...more };
}

it('takes the graph that all its runs took longest, and the fastest run of each operator', () => {
  const profiles = mkdtempSync(join(folder, 'profiles-'));
  const write = (name: string, events: readonly object[]) =>
    writeFileSync(join(profiles, name), JSON.stringify(events));
  write('small.json', [event('Exp/Exp/v1', 400), event('Exp/Exp/v1', 90)]);
  write('large.json', [
    event('Relu/Relu/v1', 300),
    event('Relu/Relu/v1', 200),
    event('Neg/Neg/v2', 50),
    // What is no operator counts for nothing.
    event('session_run', 9000, { cat: 'Session' }),
  ]);
  expect(
    slowestGraph(profiles).map(({ kernel, operator, milliseconds }) => [kernel, operator, milliseconds]),
  ).toEqual([
    ['Relu', 'Relu', 0.2],
    ['Neg', 'Neg', 0.05],
  ]);
  rmSync(profiles, { recursive: true });
});

it('cleans up after steps that fail, and has nothing to tell of none', async () => {
  await expect(profileOperators(() => Promise.reject(new Error('stop')))).rejects.toThrow('stop');
  expect(await profileOperators(() => undefined)).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});
