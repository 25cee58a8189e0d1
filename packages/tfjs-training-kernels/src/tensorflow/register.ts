/** The kernels for tfjs-node, and how they get into TensorFlow.js. */
import * as tf from '@tensorflow/tfjs-core';
import { TrainingKernelsError } from '../errors.ts';
import { averagePool, averagePoolGrad } from './average-pool.ts';
import { batchNormTraining, batchNormTrainingGrad } from './batch-norm.ts';
import { convolutions } from './convolution.ts';
import { fusedConvolutions } from './fused-convolution.ts';
import { maxPool, maxPoolGrad } from './max-pool.ts';
import { BACKEND_NAME } from './tensorflow-backend.ts';

const KERNELS: readonly tf.KernelConfig[] = [
  batchNormTraining,
  batchNormTrainingGrad,
  ...convolutions,
  ...fusedConvolutions,
  averagePool,
  averagePoolGrad,
  maxPool,
  maxPoolGrad,
];

/**
 * Registers, for the backend `tensorflow` (tfjs-node, tfjs-node-gpu): `BatchNormTraining` and `BatchNormTrainingGrad` on
 * TensorFlow's fused operations; convolutions and their gradients with any padding, in both orders of an image, dilated or not, and
 * with a bias and an activation; pools and their gradients with any padding. Call it after the backend's
 * package was loaded; calling it again changes nothing.
 *
 * @throws {TrainingKernelsError} `backend-missing`
 */
export function registerTensorFlowKernels(): void {
  // The package registers its kernels when it is loaded, and would replace ours if it came later.
  if (tf.getKernel('Conv2D', BACKEND_NAME) === undefined) {
    throw new TrainingKernelsError(
      'backend-missing',
      `expected the kernels of the backend '${BACKEND_NAME}', found none: load @tensorflow/tfjs-node or ` +
        '@tensorflow/tfjs-node-gpu before registering kernels for it',
    );
  }
  for (const kernel of KERNELS) {
    if (tf.getKernel(kernel.kernelName, BACKEND_NAME) !== undefined) {
      tf.unregisterKernel(kernel.kernelName, BACKEND_NAME);
    }
    tf.registerKernel(kernel);
  }
}
