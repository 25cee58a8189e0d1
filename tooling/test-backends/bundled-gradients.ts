/** Runs once before the tests: every process that trains loads tfjs-core's gradients, from one file in a tenth of the time. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export function setup(): void {
  const folder = fileURLToPath(new URL('../../packages/tfjs-backend-onnxruntime/', import.meta.url));
  execFileSync(process.execPath, ['bundle-gradients.mjs'], { cwd: folder });
}
