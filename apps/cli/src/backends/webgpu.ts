/**
 * `--backend webgpu`: TensorFlow.js's WebGPU backend in Node, on Dawn (the npm package `webgpu`), which reaches the GPU
 * by Vulkan, Metal or Direct3D 12. Both are looked for in the project that the command is run from, or in the folder
 * that the environment variable ARCFACE_WEBGPU names.
 */
import * as tf from '@tensorflow/tfjs-core';
import { releaseGradientsEarly } from 'tfjs-training-kernels';
import { CommandError } from '../cli/usage-error.ts';
import { findOptionalPackage, importFile } from './optional-package.ts';

const PACKAGES = { dawn: 'webgpu', backend: '@tensorflow/tfjs-backend-webgpu' } as const;

interface Dawn {
  readonly create: (options: readonly string[]) => { requestAdapter(): Promise<object | null> };
  readonly globals: object;
}

export async function bindWebGpu(): Promise<string> {
  const folder = process.env.ARCFACE_WEBGPU || undefined;
  const dawnFile = findOptionalPackage(PACKAGES.dawn, folder);
  const backendFile = findOptionalPackage(PACKAGES.backend, folder);
  if (dawnFile === undefined || backendFile === undefined) {
    const missing = [dawnFile === undefined && PACKAGES.dawn, backendFile === undefined && PACKAGES.backend];
    throw new CommandError(
      `--backend webgpu needs ${missing.filter(Boolean).join(' and ')}. Run ` +
        `\`npm install ${PACKAGES.dawn} ${PACKAGES.backend}\` in your project, ` +
        'or let ARCFACE_WEBGPU name the folder whose node_modules has them.',
    );
  }
  const { create, globals } = (await importFile(dawnFile)) as Dawn;
  const gpu = create([]);
  if ((await gpu.requestAdapter()) === null) {
    throw new CommandError(
      '--backend webgpu: no GPU was found. Linux needs a Vulkan driver (`vulkaninfo --summary` lists them); ' +
        'VK_ICD_FILENAMES can name one in software, such as the SwiftShader that comes with Chromium.',
    );
  }
  Object.assign(globalThis, globals);
  // Node has a navigator since 21, and it has no GPU.
  if (globalThis.navigator === undefined) Object.defineProperty(globalThis, 'navigator', { value: {} });
  Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
  await import('tfjs-backend-onnxruntime/gradients');
  await importFile(backendFile);
  releaseGradientsEarly();
  if (!(await tf.setBackend('webgpu'))) {
    throw new CommandError('--backend webgpu: TensorFlow.js could not start it; the reason is above.');
  }
  tellOfLoss();
  return 'webgpu';
}

/** What is read from a GPU that is lost fails with the words of whoever reads it; this says what has happened, and what to do. */
function tellOfLoss(): void {
  const { device } = tf.backend() as tf.KernelBackend & {
    readonly device: { readonly lost: Promise<{ readonly message: string }> };
  };
  void device.lost.then(({ message }) => {
    process.stderr.write(
      `--backend webgpu: the GPU was lost (${message || 'no reason was given'}). What was computed since the last checkpoint is ` +
        'gone; start the command again, with --resume where it has that.\n',
    );
  });
}
