import { expect, it } from 'vitest';
import { runInProcess } from '../testing/run-in-process.ts';

const small = [
  'bench',
  '--network',
  'y1',
  '--batch-size',
  '1',
  '--steps',
  '1',
  '--threads',
  '1',
  '--forward',
];

it('times, and tells by operator where a step’s time goes', async () => {
  const { exitCode, stdout } = await runInProcess(...small, '--profile', '--json');
  expect(exitCode).toBe(0);
  const found = JSON.parse(stdout);
  expect(found.imagesPerSecond).toBeGreaterThan(0);
  const convolutions = found.operators.find(
    ({ kernel, operator }: { kernel: string; operator: string }) =>
      kernel === 'Conv2D' && operator === 'Conv',
  );
  expect(convolutions.count).toBeGreaterThan(10);
  // y1 takes .44 billion multiplications and additions an image; its depthwise convolutions are not among these.
  expect(convolutions.flops / 1e9).toBeGreaterThan(0.38);
  expect(convolutions.flops / 1e9).toBeLessThan(0.44);
});

it('prints the profile as a table', async () => {
  const { exitCode, stdout } = await runInProcess(...small, '--profile');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(
    /one step, by operator \(\d+ ms\):\nkernel \/ operator +count +ms +share +GFLOP\/s\n/,
  );
  expect(stdout).toMatch(/^Conv2D \/ Conv +\d+ +[\d.]+ +[\d.]+ % +[\d.]+$/m);
});
