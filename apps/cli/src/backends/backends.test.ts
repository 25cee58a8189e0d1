import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkProvider } from 'tfjs-backend-onnxruntime';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { useBackend } from '../backend.ts';
import { CommandError } from '../cli/usage-error.ts';
import { runInProcess } from '../testing/run-in-process.ts';
import { findOptionalPackage } from './optional-package.ts';

let empty: string;
beforeEach(() => {
  empty = mkdtempSync(join(tmpdir(), 'arcface-backends-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(empty, { recursive: true });
});

test('a backend that does not exist is wrong usage, and the answer lists those that do', async () => {
  for (const backend of ['tensorflow', 'onnxruntime:tpu', 'toString']) {
    const { exitCode, stderr } = await runInProcess('bench', '--backend', backend);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`--backend ${backend} does not exist`);
    expect(stderr).toContain('onnxruntime:cuda, node, node-gpu, webgpu');
  }
});

describe('an optional package that is missing is named, with what to run', () => {
  test.each([
    ['node', 'ARCFACE_TFJS_NODE', '@tensorflow/tfjs-node', 'build.sh`'],
    ['node-gpu', 'ARCFACE_TFJS_NODE_GPU', '@tensorflow/tfjs-node-gpu', 'build.sh --cuda`'],
    // The studio brings the other package of the two.
    ['webgpu', 'ARCFACE_WEBGPU', 'webgpu', 'npm install webgpu @tensorflow/tfjs-backend-webgpu'],
  ])('%s', async (backend, variable, missing, advice) => {
    vi.stubEnv(variable, empty);
    const failure = await useBackend({ backend }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CommandError);
    expect((failure as Error).message).toMatch(
      new RegExp(`^--backend ${backend} needs ${missing}(\\.| and )`),
    );
    expect((failure as Error).message).toContain(advice);
  });
});

test('packages are found from a folder that has them', () => {
  expect(findOptionalPackage('vitest', process.cwd())).toContain('vitest');
  expect(findOptionalPackage('no-such-package-anywhere')).toBeUndefined();
});

test.skipIf(checkProvider('cuda').available)(
  'a provider that does not start is told, with what it lacks',
  async () => {
    const failure = await useBackend({ backend: 'onnxruntime:cuda' }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CommandError);
    expect((failure as Error).message).toMatch(
      /^--backend onnxruntime:cuda cannot be used: .*onnxruntime-gpu.*choose provider 'cpu'/s,
    );
  },
);
