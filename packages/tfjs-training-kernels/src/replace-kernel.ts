import * as tf from '@tensorflow/tfjs-core';
import { TrainingKernelsError } from './errors.ts';

/** Registers a kernel in place of the one that the backend has under the same name, if it has one. */
export function replaceKernel(config: tf.KernelConfig): void {
  if (tf.getKernel(config.kernelName, config.backendName) !== undefined) {
    tf.unregisterKernel(config.kernelName, config.backendName);
  }
  tf.registerKernel(config);
}

/**
 * A backend's package registers its kernels when it is loaded and would replace ours if it came later.
 *
 * @throws {TrainingKernelsError} `backend-missing`
 */
export function checkBackendIsLoaded(backendName: string, packageName: string): void {
  if (tf.getKernel('Conv2D', backendName) !== undefined) return;
  throw new TrainingKernelsError(
    'backend-missing',
    `expected the kernels of the backend '${backendName}', found none: load ${packageName} before registering kernels for it`,
  );
}
