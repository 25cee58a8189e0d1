/** Sets a tfjs backend for a test file: ours if it can be loaded, as it is fast, else tfjs's plain one. */
import { testBackends } from '@arcface-tooling/test-backends';
import { registerGradients } from '@arcface-tooling/test-backends/gradients';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

registerGradients();

export async function setCpuBackend(): Promise<void> {
  await tf.setBackend(testBackends('cpu')[0]);
}

/** @returns whether the backend is a fast one */
export async function setFastBackend(): Promise<boolean> {
  const name: string = 'tfjs-backend-onnxruntime';
  try {
    await import(name);
    if (await tf.setBackend(testBackends('onnxruntime')[0])) {
      return true;
    }
  } catch {
    // Not built here: the plain backend has to do.
  }
  await tf.setBackend('cpu');
  return false;
}
