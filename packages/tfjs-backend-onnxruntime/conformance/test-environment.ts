// Names the backend on which tfjs-core's specs run; it must be said before the first of them is loaded.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import '@tensorflow/tfjs-backend-cpu';
import { registerTensorFlowKernels } from '../../tfjs-training-kernels/src/index.ts';
import '../src/index.ts';

export const backendName = process.env.CONFORMANCE_BACKEND!;
/** The main file of the package that brings the backend, if it is another than those above; and of Dawn, for WebGPU in Node. */
const { CONFORMANCE_PACKAGE: backendPackage, CONFORMANCE_DAWN: dawnPackage } = process.env;

interface Dawn {
  readonly create: (options: readonly string[]) => object;
  readonly globals: object;
}

/** Loads such a package, with the kernels that `arcface` adds to it. Copies of tfjs-core share one engine and its kernels. */
export async function loadBackend(): Promise<void> {
  if (dawnPackage) {
    const { create, globals } = (await import(pathToFileURL(dawnPackage).href)) as Dawn;
    Object.assign(globalThis, globals);
    if (globalThis.navigator === undefined) Object.defineProperty(globalThis, 'navigator', { value: {} });
    Object.defineProperty(globalThis.navigator, 'gpu', { value: create([]), configurable: true });
  }
  if (backendPackage) createRequire(import.meta.url)(backendPackage);
  if (backendName === 'tensorflow') registerTensorFlowKernels();
}

setTestEnvs([{ name: backendName, backendName, isDataSync: backendName !== 'webgpu' }]);
