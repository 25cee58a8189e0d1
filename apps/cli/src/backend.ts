/** Binds TensorFlow.js to what computes. Loaded only when a command needs it: `--help` should be quick. */
import * as tf from '@tensorflow/tfjs-core';
import type { ComputeOptions } from './cli/define-command.ts';
import { UsageError } from './cli/usage-error.ts';

/** Backends that this version of the command line can bind. */
const BACKENDS = ['onnxruntime', 'onnxruntime:cpu'];

/**
 * @returns the name of the backend, for results
 * @throws {UsageError} for a backend that does not exist here
 */
export async function useBackend({
  backend,
  threads,
}: Pick<ComputeOptions, 'backend' | 'threads'>): Promise<string> {
  if (!BACKENDS.includes(backend)) {
    throw new UsageError(`--backend ${backend} is not available. Available: ${BACKENDS.join(', ')}.`);
  }
  const { configure } = await import('tfjs-backend-onnxruntime');
  if (threads !== undefined) configure({ threads });
  await tf.setBackend('onnxruntime');
  await tf.ready();
  return 'onnxruntime:cpu';
}
