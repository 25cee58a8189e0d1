import { readFileSync } from 'node:fs';
import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { expect, it } from 'vitest';
import * as subcenterLoss from './index.ts';

/** The first example of the README without its imports, on the backend given. */
function exampleOn(backend: string): string {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```js\n([\s\S]*?)```/.exec(readme)![1]!;
  return code.replace(/^import .*$/gm, '').replace("setBackend('cpu')", `setBackend('${backend}')`);
}

const AsyncFunction = (async () => {}).constructor as new (
  ...source: string[]
) => (...values: unknown[]) => Promise<void>;

it.each(testBackends('cpu', 'onnxruntime'))('the example of the README learns, on %s', async (backend) => {
  const lines: [number, number, string][] = [];
  const run = new AsyncFunction('tf', 'HeadMonitor', 'SubcenterHead', 'console', exampleOn(backend));
  const { HeadMonitor, SubcenterHead } = subcenterLoss;
  await run(tf, HeadMonitor, SubcenterHead, { log: (...line: [number, number, string]) => lines.push(line) });
  expect(tf.getBackend()).toBe(backend);
  expect(lines.map(([step]) => step)).toEqual([0, 20, 40, 60]);
  expect(lines.at(-1)![1]).toBeLessThan(lines[0]![1] / 4);
  // More and more of them leave the sub-centre of the person whose name they bear.
  const apart = lines.map(([, , text]) => Number.parseInt(text, 10));
  expect(apart.at(-1)).toBeGreaterThan(apart[0]!);
});

it.skipIf(tf.getBackend() !== 'webgpu')(
  'and on WebGPU (needs a GPU, and ARCFACE_TEST_BACKEND=webgpu, which runs the test above on it)',
  () => expect(testBackends('cpu')).toEqual(['webgpu']),
);
