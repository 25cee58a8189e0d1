/*
 * The same few steps of training on every backend that this machine has: losses and learnt parameters agree with
 * TensorFlow.js's plain CPU backend to 1e-4. Each backend runs in a process of its own, as it does for users: native
 * libraries of this size do not all bear each other.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundleProgram } from '@arcface-tooling/programs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AGREEMENT, type AgreementSteps, disagreement } from '../testing/agreement-steps.ts';

let folder: string;
let program: string;

/** What the backend found; or, if it cannot run here, why. */
async function runOn(backend: string): Promise<AgreementSteps | { readonly missing: string }> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, backend], {
    maxBuffer: 1 << 26,
    env: { ...process.env, ARCFACE_TEST_BACKEND: '' },
  });
  const found = JSON.parse(stdout);
  return 'missing' in found ? found : { ...found, parameters: Float32Array.from(found.parameters) };
}

let expected: AgreementSteps;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-agreement-'));
  program = await bundleProgram(new URL('../testing/agreement-run.ts', import.meta.url), folder);
  expected = (await runOn('cpu')) as AgreementSteps;
});
afterAll(() => rmSync(folder, { recursive: true }));

it('trains, and leaves no tensor behind', () => {
  expect(expected.leaked).toBe(0);
  expect(expected.losses.every((loss) => loss > 1)).toBe(true);
});

it.for(['onnxruntime', 'node', 'webgpu'])(
  'trains on %s as on tfjs itself, to 1e-4',
  async (backend, context) => {
    const found = await runOn(backend);
    if ('missing' in found) {
      expect(backend).not.toBe('onnxruntime');
      return context.skip(found.missing);
    }
    expect(found.leaked).toBe(0);
    expect(disagreement(found, expected)).toBeLessThan(AGREEMENT);
  },
);
