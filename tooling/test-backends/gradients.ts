/**
 * The gradients of tfjs-core's kernels, for tests of packages that have no backend of their own: its bundle for Node registers none. They
 * come from one file, which every run of the tests makes if need be (bundled-gradients.ts): its two hundred modules, which only a loader
 * such as tsx can load, take a second.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const bundled = fileURLToPath(
  new URL('../../packages/tfjs-backend-onnxruntime/dist/tfjs-gradients.cjs', import.meta.url),
);

export function registerGradients(): void {
  const load = createRequire(import.meta.url);
  load(existsSync(bundled) ? bundled : '@tensorflow/tfjs-core/dist/register_all_gradients.js');
}
