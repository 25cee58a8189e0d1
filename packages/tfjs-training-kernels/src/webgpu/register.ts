import { checkBackendIsLoaded, replaceKernel } from '../replace-kernel.ts';
import { logSoftmax } from './log-softmax.ts';

/**
 * Registers, for the backend `webgpu`, the kernel that training a classifier needs and that it lacks: `LogSoftmax`. Call
 * it after the backend's package was loaded; calling it again changes nothing.
 *
 * @throws {TrainingKernelsError} `backend-missing`
 */
export function registerWebGpuKernels(): void {
  checkBackendIsLoaded('webgpu', '@tensorflow/tfjs-backend-webgpu');
  replaceKernel(logSoftmax);
}
