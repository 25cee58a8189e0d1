/** `--backend onnxruntime`: this project's own backend, a dependency; a provider is what ONNX Runtime computes on. */
import * as tf from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackendOptions } from 'tfjs-backend-onnxruntime';
import type { BindingOptions } from '../backend.ts';
import { CommandError } from '../cli/usage-error.ts';

export function bindOnnxRuntime(provider: string = 'cpu'): (options: BindingOptions) => Promise<string> {
  return async ({ threads, graphs }) => {
    const { configure } = await import('tfjs-backend-onnxruntime');
    try {
      configure({
        ...(threads === undefined ? {} : { threads }),
        ...(graphs === undefined ? {} : { cacheEntries: graphs }),
        provider: provider as OnnxRuntimeBackendOptions['provider'],
      });
    } catch (error) {
      const { message } = error as Error;
      throw new CommandError(`--backend onnxruntime:${provider} cannot be used: ${message}`, {
        cause: error,
      });
    }
    await tf.setBackend('onnxruntime');
    await tf.ready();
    return `onnxruntime:${provider}`;
  };
}
