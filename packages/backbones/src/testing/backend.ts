/** Sets a tfjs backend for a test file: ours if it can be loaded, as it is fast, else tfjs's plain one. */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

// tfjs-core's CommonJS bundle, which Node loads, registers no gradients by itself.
createRequire(import.meta.url)('@tensorflow/tfjs-core/dist/register_all_gradients.js');

export async function setCpuBackend(): Promise<void> {
  await tf.setBackend('cpu');
}

/** @returns whether the backend is ours */
export async function setFastBackend(): Promise<boolean> {
  const name: string = 'tfjs-backend-onnxruntime';
  try {
    await import(name);
    if (await tf.setBackend('onnxruntime')) {
      return true;
    }
  } catch {
    // Not built here: the plain backend has to do.
  }
  await tf.setBackend('cpu');
  return false;
}
