import { checkBackendIsLoaded, replaceKernel } from '../replace-kernel.ts';
import { batchNormTraining, batchNormTrainingGrad } from './batch-norm.ts';
import { convolutions } from './convolution.ts';
import { maxPool, maxPoolGrad } from './max-pool.ts';
import { BACKEND_NAME } from './tensorflow-backend.ts';

/**
 * Registers, for the backend `tensorflow` (tfjs-node, tfjs-node-gpu): `BatchNormTraining` and `BatchNormTrainingGrad` on
 * TensorFlow's fused operations, and convolutions, max pooling and their gradients with any padding. Call it after the backend's
 * package was loaded; calling it again changes nothing.
 *
 * @throws {TrainingKernelsError} `backend-missing`
 */
export function registerTensorFlowKernels(): void {
  checkBackendIsLoaded(BACKEND_NAME, '@tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu');
  for (const kernel of [batchNormTraining, batchNormTrainingGrad, ...convolutions, maxPool, maxPoolGrad]) {
    replaceKernel(kernel);
  }
}
